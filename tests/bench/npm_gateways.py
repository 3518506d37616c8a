"""The gateways that come from npm: mcp-proxy before a stdio server, Portkey's before an HTTP one.

They are put into a folder of the build, once, in the versions below. Neither checks a key, keeps a
limit or writes a row here: they are measured with less to do than the gateway has.
"""
import json
import os
import subprocess

import servers
from process import Unavailable, free_port, program

VERSIONS = {"mcp-proxy": "6.7.19", "@portkey-ai/gateway": "1.15.2"}
HERE = os.path.dirname(os.path.abspath(__file__))


def installed(build):
    """The folder with both packages; Unavailable where npm is not there or cannot fetch them."""
    folder = os.path.join(build, "npm")
    wanted = [f"{name}@{version}" for name, version in VERSIONS.items()]
    for name, version in VERSIONS.items():
        try:
            with open(f"{folder}/node_modules/{name}/package.json", encoding="utf8") as f:
                if json.load(f)["version"] != version:
                    break
        except OSError:
            break
    else:
        return f"{folder}/node_modules"
    os.makedirs(folder, exist_ok=True)
    try:
        done = subprocess.run([program("npm", "npm"), "install", "--no-audit", "--no-fund", "--ignore-scripts",
                               "--prefix", folder, *wanted], capture_output=True, text=True, timeout=300, check=False)
    except subprocess.TimeoutExpired:
        raise Unavailable("npm could not install it within 5 minutes") from None
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if "error" in line.lower()]
        raise Unavailable(f"npm could not install it: {(errors or ['no reason given'])[0]}")
    return f"{folder}/node_modules"


def mcp_proxy(place, _):
    """One tool call a request, stateless: in a session every request would need an id of its own.
    The stdio server's work is not counted."""
    modules, port = installed(place.build), free_port()
    running = place.start("mcp-proxy", [program("node", "nodejs"), f"{modules}/mcp-proxy/dist/bin/mcp-proxy.mjs",
                                        "--host", "127.0.0.1", "--port", str(port), "--server", "stream", "--stateless",
                                        "--no-eventStore", "--", program("node", "nodejs"),
                                        f"{HERE}/mcp-server.mjs", servers.ANSWER], family=False)
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": "echo", "arguments": json.loads(servers.BODY)["arguments"]}}
    return servers.Target(f"mcp-proxy {VERSIONS['mcp-proxy']}", running, f"http://127.0.0.1:{port}/mcp",
                          {"Accept": "application/json, text/event-stream",
                           "Mcp-Protocol-Version": "2025-06-18"}, json.dumps(call).encode())


def portkey(place, _):
    """A chat completion relayed to a custom host; the vendor answers a fixed one."""
    modules, port, vendor = installed(place.build), free_port(), free_port()
    answer = json.dumps({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "bench",
                         "choices": [{"index": 0, "finish_reason": "stop",
                                      "message": {"role": "assistant", "content": "x" * 120}}],
                         "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}})
    servers.nginx(place, "chat vendor", f"server {{ listen 127.0.0.1:{vendor}; default_type application/json;"
                                        f" location / {{ return 200 '{answer}'; }} }}")
    running = place.start("Portkey", [program("node", "nodejs"), f"{modules}/@portkey-ai/gateway/build/start-server.js",
                                      f"--port={port}", "--headless"])
    body = {"model": "bench", "messages": [{"role": "user", "content": "x" * 200}]}
    return servers.Target(f"Portkey {VERSIONS['@portkey-ai/gateway']}", running,
                          f"http://127.0.0.1:{port}/v1/chat/completions",
                          {"x-portkey-provider": "openai", "x-portkey-custom-host": f"http://127.0.0.1:{vendor}/v1",
                           "Authorization": "Bearer bench"}, json.dumps(body).encode(), b"chat.completion")
