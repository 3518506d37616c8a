/*
 * Outcomes that could not be written: their answers were withheld, their intents stand.
 */
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "ledger/ledger_int.h"

void sy_ledger_intent_free(struct open_intent *open)
{
    free((void *)(uintptr_t)open->payload.ptr);
    free(open);
}

void sy_ledger_intents_free(struct open_intent **list)
{
    while (*list) {
        struct open_intent *open = *list;

        *list = open->next;
        sy_ledger_intent_free(open);
    }
}

static void lost_add(struct open_intent *open)
{
    open->next = open->loop->lost;
    open->loop->lost = open;
}

void sy_ledger_turn_settle(struct sy_ledger_loop *ll, bool written)
{
    uint64_t turn = ll->turn++;
    struct open_intent *open, *next;

    /* What was not written was not sent, either. */
    for (open = written ? NULL : ll->open; open; open = open->hh.next)
        open->unwritten = open->unwritten || open->turn == turn;
    for (open = ll->ended, ll->ended = NULL; open; open = next) {
        next = open->next;
        if (written || open->unwritten || open->turn == turn)
            sy_ledger_intent_free(open);
        else
            lost_add(open);
    }
}

static void lost_written(struct sy_ledger_ticket *ticket, bool written)
{
    struct open_intent *open = ticket->ctx;

    if (written)
        sy_ledger_intent_free(open);
    else
        lost_add(open);
}

void sy_ledger_lost_write(struct sy_ledger_loop *ll)
{
    struct open_intent *open = ll->lost, *next;

    ll->lost = NULL;
    for (; open; open = next) {
        struct sy_outcome_record record = {0};
        struct sy_intent intent;

        next = open->next;
        (void)sy_intent_unpack(open->payload, &intent); /* we packed it */
        record.row = (struct sy_ledger_row){
            .id = intent.call_id, .tenant = intent.tenant, .json = intent.json};
        sy_ulid_time(sy_str_skip(intent.call_id, 5), &record.row.at_ms);
        record.keep_answer = intent.has_key;
        record.answer.unknown = true;
        record.answer.expires_at_ms = intent.expires_at_ms;
        memcpy(record.answer.key_hash, intent.key_hash, sizeof(intent.key_hash));
        memcpy(record.answer.body_hash, intent.body_hash, sizeof(intent.body_hash));
        open->ticket.fn = lost_written;
        open->ticket.ctx = open;
        sy_ledger_outcome(ll, &record, &open->ticket);
    }
}
