/* The credentials the stand-ins accept; invented here, secret to nobody. */
#ifndef SY_SANDBOX_CREDENTIALS_H
#define SY_SANDBOX_CREDENTIALS_H

#define SY_SB_COMPOSIO_KEY "ak_sandbox_composio_4kT9"
#define SY_SB_COMPOSIO_USER_KEY "uak_sandbox_composio_7vQ2"
/* Keys that exist to be refused: expired, without any permission area, without proxy execute. */
#define SY_SB_COMPOSIO_KEY_EXPIRED "ak_sandbox_expired"
#define SY_SB_COMPOSIO_KEY_SCOPED "ak_sandbox_scoped"
#define SY_SB_COMPOSIO_KEY_NO_PROXY "ak_sandbox_no_proxy"
#define SY_SB_PIPEDREAM_ID "pd_client_sandbox_2mX8"
#define SY_SB_PIPEDREAM_SECRET "pd_secret_sandbox_9zL3"
#define SY_SB_PIPEDREAM_PROJECT "proj_sandbox1"
#define SY_SB_SCALEKIT_ID "skc_sandbox_6rP1"
#define SY_SB_SCALEKIT_SECRET "sks_secret_sandbox_5nW4"
#define SY_SB_WORKER_SECRET "whs_secret_sandbox_8hJ7"
#define SY_SB_GITHUB_TOKEN "ghp_sandbox_3dF6"
#define SY_SB_INFISICAL_ID "inf_client_sandbox_1bC5"
#define SY_SB_INFISICAL_SECRET "inf_secret_sandbox_0yK9"

#endif
