/* Notes as the outbox keeps them: struct dw_mail_row.model, so that a mail is rendered again in whatever language its
 * reader has then, and for whoever gets it in another's place. */
#ifndef DUEWATCH_NOTE_H
#define DUEWATCH_NOTE_H

#include "duewatch/compose.h"

/* Owned; NULL: no memory. feed: what the mail is about, or NULL. held: it lists the orders dw_gather_held finds. Text that
 * isn't UTF-8 is mended. */
char *dw_note_model(const struct dw_note *note, const char *feed, bool held);

/* What dw_note_model wrote; all borrowed from json. */
struct dw_note_read {
	struct dw_note note;
	const char *feed;
	bool held;
	void *json;
};
/* 0; 1: there is no note in it (NULL, damaged, an older program's). */
int dw_note_read(struct dw_note_read *out, const char *model);
void dw_note_read_fini(struct dw_note_read *r);

/* The cells and rows of a feed that can't be used: line, column, reason (rules.md §2, Bad cells). Borrows from row. */
void dw_note_rejects(struct dw_note *out, const struct dw_feed_row *row);

/* A fact as a note's value, by its field's kind; text: what dw_fact_text says of it, borrowed. An unknown one is an empty
 * text. */
void dw_note_fact(struct dw_note_value *out, const char *name, const struct dw_facts *f, enum dw_field x, const char *text);

#endif
