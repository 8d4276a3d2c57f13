/* What the files of the composer share; nothing outside mail/ includes it.
 *
 * A mail comes about in four steps: the view becomes a tree of clean texts (compose.c, compose-item.c), sentence
 * templates turn the tree into plain blocks (compose-blocks.c), layout templates set the blocks as text and as HTML,
 * and GMime makes bytes of both (compose-mime.c). Sentences stand in conf/templates/LANGUAGE, words that need
 * grammar (dates, spans, names) in compose-words.c: one place for each. */
#ifndef DUEWATCH_COMPOSE_IMPL_H
#define DUEWATCH_COMPOSE_IMPL_H

#include "duewatch/compose.h"
#include "duewatch/template.h"

enum {
	DW_MAIL_FULL_MAX = 20,	 /* orders in full (rules.md §5) */
	DW_MAIL_LINES_MAX = 200, /* then as lines; the rest is a count */
	DW_MAIL_COLUMNS = 72,	 /* of the text part */
};

/* ---- compose-words.c: what differs by language and needs more than a template ---- */

enum dw_date_style {
	DW_DATE_FULL,	 /* "Sun 29 Nov 2026, 15:59" */
	DW_DATE_NEAR,	 /* "Sat 28 Nov, 23:59" */
	DW_DATE_SUBJECT, /* "Sun 29 Nov 15:59" */
	DW_DATE_DATA,	 /* "23 Nov 09:30" */
	DW_DATE_DAY,	 /* "Sun 29 Nov 2026" */
};

struct dw_words {
	const char *language;
	const char *kind[DW_KIND_COUNT];
	const char *status[DW_STATUS_COUNT], *transport[DW_BY_COUNT];
	const char *field[DW_FIELD_COUNT]; /* a field's name for people: "expected ship date" */
	const char *verb[DW_VERB_COUNT];   /* what a reply is written with: dw_command_parse understands it, with what its verb takes */
	const char *days, *hours;	   /* of an ack's time, behind the number, as dw_command_parse understands it */
	const char *comma, *and, *you;
	const char *yuan; /* what stands before an amount in CNY */
	void (*place)(struct dw_buf *out, const struct dw_zone *z); /* "Los Angeles" */
	/* see dw_words_both; b NULL: both clocks show the same */
	void (*both)(struct dw_buf *out, const struct dw_zone *mine, const struct dw_civil *a, const struct dw_zone *theirs,
		     const struct dw_civil *b);
	void (*date)(struct dw_buf *out, const struct dw_civil *c, enum dw_date_style style);
	void (*span)(struct dw_buf *out, int64_t seconds); /* "2 days 4 hours", rounded down; seconds >= 0 */
	void (*age)(struct dw_buf *out, int64_t seconds);  /* "14 h" */
	void (*left)(struct dw_buf *out, int64_t seconds); /* "in 2 days 4 hours", "3 days late" */
};
const struct dw_words *dw_words_find(const char *language); /* English for one we don't have; never NULL */
/* "Sun 29 Nov 2026, 15:59 (Shanghai) = Sat 28 Nov, 23:59 (Los Angeles)"; without the second where both clocks
 * show the same. */
void dw_words_both(struct dw_buf *out, const struct dw_words *w, const struct dw_zone *mine, const struct dw_zone *theirs,
		   dw_time t);
void dw_words_date(struct dw_buf *out, const struct dw_words *w, const struct dw_zone *z, dw_time t,
		   enum dw_date_style style);
/* "USD 12,400.00"; nothing where the order has no amount. */
void dw_words_amount(struct dw_buf *out, const struct dw_words *w, const struct dw_facts *f);
/* An amount in the order's currency. */
void dw_words_money(struct dw_buf *out, const struct dw_words *w, const struct dw_facts *f, int64_t minor);
/* "you, bo and chen": persons by index, `reader` as "you". */
void dw_words_names(struct dw_buf *out, const struct dw_words *w, const struct dw_people *people, const int *who,
		    size_t n, int reader);

/* ---- compose-text.c: hostile text made clean, and lines ---- */

/* One line of valid UTF-8: broken bytes become U+FFFD; controls, line and paragraph separators a space; what turns or
 * hides text (bidi marks, zero width, tags) goes; spaces in a row are one, none at the ends. Cut to max characters
 * with an ellipsis. NULL counts as "". */
void dw_scrub(struct dw_buf *out, const char *s, size_t max);
/* Wraps at DW_MAIL_COLUMNS, wide characters counting two and breaking where Chinese may, under a list's "1. " or "- " indented. Lines that begin
 * with four blanks, and those between two lines of ten dashes or more, stay as they are. Trailing blanks and further empty lines go. */
void dw_wrap(struct dw_buf *out, const char *text);
unsigned dw_columns(const char *s); /* of valid UTF-8, wide characters counting two */
/* One word for a shell, whatever it is made of: ids are pasted into a root shell. */
void dw_shell_word(struct dw_buf *out, const char *s);
/* A link we dare to make: http or https, a host, no blanks or controls; *host its beginning, *n its length. */
bool dw_link_ok(const char *url, const char **host, size_t *n);

/* ---- compose-date.c: part 4, one proposed date ---- */

struct dw_proposal {
	bool known;	/* day is set */
	bool capped;	/* the platform's limit made it earlier than the real ship date and our margin */
	bool too_early; /* … even earlier than the real ship date: no date in the limit will do */
	int32_t day;	/* in the pack's zone */
	bool limited;	/* limit is set: the last day the platform allows, working or not */
	bool last;	/* no working day is left between day and the limit: it can't be moved again */
	int32_t limit;
};
/* E (today, where it is past) and the pack's margin_days, on a working day of the pack, within max_extension_days of
 * payment. */
void dw_propose_ship(struct dw_proposal *out, const struct dw_order *o, const struct dw_dates *d, const struct dw_pack *pack,
		     const struct dw_zone *z, dw_time now);
/* How many receipt extensions bring A to a day past the arrival, 1 at least; 0: the pack doesn't say what one adds. */
int dw_propose_receipt(const struct dw_dates *d, const struct dw_pack *pack);

/* How many more receipt extensions the pack's rules leave, and whose; -1: not known. */
int dw_receipt_left(const struct dw_order *o, const struct dw_pack *pack);

/* ---- compose-templates.c ---- */

enum dw_tpl {
	/* sentences */
	DW_TPL_SUBJECT,
	DW_TPL_INTRO,
	DW_TPL_SECTION,
	DW_TPL_MORE,
	DW_TPL_ROW,
	DW_TPL_FEED_ROW,
	DW_TPL_FOOTER,
	DW_TPL_TIMELINE,
	DW_TPL_MARK,
	DW_TPL_OPEN,
	DW_TPL_NOTE,
	DW_TPL_SETTLED,
	DW_TPL_EVENT,
	/* the eleven parts of interface.md, "The mail", in their order; between them what a claim needs */
	DW_TPL_ACT,
	DW_TPL_DATA,
	DW_TPL_RECORD,
	DW_TPL_CLOCK,
	DW_TPL_WHO,
	DW_TPL_DATE,
	DW_TPL_LIMITS,
	DW_TPL_STEPS,
	DW_TPL_OPTIONS,
	DW_TPL_BUYER,
	DW_TPL_WARNINGS,
	DW_TPL_RISK,
	DW_TPL_FACTS,
	DW_TPL_TOLD,
	DW_TPL_ANSWER, /* of part 11, where answers by mail are read */
	DW_TPL_ACK,
	DW_TPL_OUTCOME,
	/* layouts and their partials */
	DW_TPL_MAIL_TEXT,
	DW_TPL_MAIL_HTML,
	DW_TPL_ITEM_TEXT,
	DW_TPL_ITEM_HTML,
	DW_TPL_BLOCKS_TEXT,
	DW_TPL_BLOCKS_HTML,
	DW_TPL_ROWS_TEXT,
	DW_TPL_ROWS_HTML,
	DW_TPL_TIMELINE_TEXT,
	DW_TPL_TIMELINE_HTML,
	DW_TPL_COUNT
};

/* One language's templates, parsed. */
struct dw_templates {
	char language[16];
	const struct dw_words *words;
	struct dw_template *tpl[DW_TPL_COUNT];
	struct dw_names *learn; /* NULL, or [DW_TPL_COUNT]: the names each is rendered with are gathered there */
};
/* complain NULL: fails at the first template that is wrong. Else it is told, and the built-in one takes its place. */
int dw_templates_load(struct dw_templates *out, const struct dw_config *config, const char *language,
		      dw_template_complain_fn *complain, void *ctx, struct dw_err *err);
/* Those built in, whatever stands beside the config. */
int dw_templates_built_in(struct dw_templates *out, const char *language, struct dw_err *err);
void dw_templates_fini(struct dw_templates *t);
const char *dw_templates_name(enum dw_tpl which); /* "act" */
int dw_templates_find(const char *name); /* enum dw_tpl, or -1 */
const char *dw_templates_near(const char *name); /* or NULL */
void dw_templates_folder(struct dw_buf *out, const struct dw_config *config); /* of overrides: beside the config file */
int dw_templates_render(const struct dw_templates *t, enum dw_tpl which, const struct dw_tval *root, enum dw_escape escape,
			struct dw_buf *out, struct dw_err *err);

/* Generated at build time from conf/templates (embed.cmake): "en/act" and its text. */
struct dw_embedded {
	const char *name, *text;
};
extern const struct dw_embedded dw_embedded_templates[]; /* ends with name NULL */

/* ---- compose-blocks.c ---- */

/* Rendered sentences become `heading` and `blocks` of map: a line is a paragraph, or by what it begins with a heading
 * "# ", a strong line "! " (the deadline), a bold one "* ", a numbered step "+ ", a point "- ", a command "$ ", a line to paste "| ", a link to a
 * prepared mail "@ mailto:… ". *any: a block besides the
 * heading. */
int dw_blocks(struct dw_tval *map, const char *rendered, bool *any);

/* ---- compose.c ---- */

enum { DW_LANGUAGES_MAX = 8, DW_SUBJECT_MAX = 240 };

struct dw_composer {
	const struct dw_config *config;
	struct dw_templates set[DW_LANGUAGES_MAX];
	size_t n;
};

/* ---- compose-item.c, compose-parts.c ---- */

extern const char *const dw_paste_names[]; /* what a pack's text for the buyer may use; ends with NULL */

/* A mail being made. */
struct dw_making {
	const struct dw_templates *set;
	const struct dw_words *words;
	const struct dw_mail_view *view;
	const struct dw_zone *zone; /* the reader's */
	struct dw_err *err;
};

/* The tree of one order: dw_item_row for a line of a table, dw_item_full with the eleven parts (or, resolved, what
 * changed). NULL only when memory is out or a template fails (then *r says so). Owned. */
struct dw_tval *dw_item_row(const struct dw_making *m, const struct dw_mail_item *item, int *r);
struct dw_tval *dw_item_full(const struct dw_making *m, const struct dw_mail_item *item, int *r);
/* What both know of an order besides its parts, as the calendar's entry needs it: the row's tree without its remark. */
struct dw_tval *dw_item_row_map(const struct dw_making *m, const struct dw_mail_item *item);
/* Where its facts come from (part 9): fills `facts`, `guess` of map. */
void dw_item_facts(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item);
/* compose-answer.c: links to answer by (part 11): fills `answer` of map, which has its proposal already. */
void dw_item_answer(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item);
/* compose-limits.c: is this extension the last, who may file it, does it delay the seller's money: fills `limits`. */
void dw_item_limits(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item,
		    const struct dw_proposal *ship);
/* compose-claim.c: promise, agreements, shipment and their proof, the platform's clocks, what each way out costs: fills
 * `record`, `clock`, `options` of a claim's item. */
void dw_item_claim(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item);
/* compose-timeline.c: pushes the dates of the order as one part, with `timeline`, where there are any. */
int dw_item_timeline(const struct dw_making *m, struct dw_tval *parts, const struct dw_mail_item *item);
/* compose-parts.c: whose word field x is: { from: { main: true }, source: "shop" }. */
void dw_item_source(struct dw_tval *map, const struct dw_mail_item *item, enum dw_field x);
/* compose-item.c: { day: "Mon 14 Dec 2026", iso: "2026-12-14" } */
struct dw_tval *dw_item_day(const struct dw_making *m, const struct dw_zone *z, int32_t day);
/* A number, and NAME_one where it is 1, for the words that go with it. */
void dw_set_number(struct dw_tval *map, const char *name, int64_t n);

/* Who knows and who comes next (part 10): fills `told`, `next`, `ack`. */
void dw_item_told(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item);

const struct dw_zone *dw_item_zone(const struct dw_making *m, const struct dw_mail_item *item); /* the platform's */
/* { both, near, day, left, past, ago } or nothing for an unknown instant. */
void dw_set_instant(const struct dw_making *m, struct dw_tval *map, const char *name, const struct dw_zone *theirs,
		    dw_time t);
void dw_set_scrubbed(struct dw_tval *map, const char *name, const char *s, size_t max); /* nothing when empty */
void dw_set_buf(struct dw_tval *map, const char *name, struct dw_buf *b);		 /* and empties b */
void dw_set_flag(struct dw_tval *map, const char *group, const char *name);		 /* map.group = { name: true } */

/* ---- ics.c: the one file that knows libical ---- */

/* All texts valid UTF-8 without controls, `text` with line feeds; borrowed. */
struct dw_event {
	const char *uid;	    /* not to be guessed */
	const char *summary, *text; /* text and url: NULL or "" for none */
	const char *url;
	dw_time at;		    /* the deadline: the entry ends there */
};
struct dw_ics {
	const struct dw_mail_conf *conf; /* the organizer: our sender */
	dw_time now;			 /* of rendering */
	bool cancel;			 /* METHOD:CANCEL, one event; else METHOD:PUBLISH */
	const struct dw_event *event;
	size_t n;
};
/* One iCalendar object, CRLF; 0 or -ENOMEM. A function of *ics alone. */
int dw_ics_write(struct dw_buf *out, const struct dw_ics *ics);
int dw_ics_sequence(dw_time now, bool cancelled); /* grows with now; seconds */
void dw_ics_init(void); /* once, before threads write */

/* ---- compose-event.c ---- */

struct dw_calendar {
	bool cancel;
	char *text; /* owned */
};
struct dw_calendars {
	struct dw_calendar file[DW_MAIL_FULL_MAX + 1];
	size_t n;
};
/* The files of a mail about the items list[0][0..n[0]) and list[1][…] (indexes into view->item): one with all that have a
 * deadline, then those settled, one each. *out starts empty; to be freed whatever is returned. */
int dw_calendars_make(const struct dw_making *m, const size_t *const list[2], const size_t n[2], struct dw_calendars *out);
void dw_calendars_fini(struct dw_calendars *c);
/* ---- compose-names.c: the names templates may use, as they were seen ---- */

/* A name and those below it; a list's elements are one. */
struct dw_names {
	char *name;
	struct dw_names *child;
	size_t n, cap;
};
int dw_names_learn(struct dw_names *n, const struct dw_tval *v);
void dw_names_fini(struct dw_names *n);
const struct dw_names *dw_names_get(const struct dw_names *n, const char *name, size_t len);

/* Tells every name and partial of the templates that learnt, from the sentences and layouts down, that none of its places
 * knows; a partial that includes itself. */
int dw_names_check(const struct dw_templates *t, dw_template_complain_fn *complain, void *ctx);

/* ---- compose-samples.c ---- */

/* A shop of invented people, feeds and ladders, with the templates of `config` and a reader of `language`; *out borrows. */
struct dw_samples;
int dw_samples_new(struct dw_samples **out, const struct dw_config *config, const char *language, struct dw_err *err);
const struct dw_config *dw_samples_config(const struct dw_samples *s);
/* Composes one of each mail there can be, with a composer of the samples' own config, and tells what goes wrong. */
int dw_samples_compose(struct dw_samples *s, struct dw_composer *c, dw_template_complain_fn *complain, void *ctx,
		       struct dw_err *err);
void dw_samples_free(struct dw_samples *s);

/* ---- compose-note.c ---- */

/* Every note there is, with all of its values. */
extern const struct dw_note dw_notes[];
extern const size_t dw_notes_count;
const struct dw_note *dw_notes_find(const char *name); /* or NULL */

/* A note's words: fills `heading` and `blocks` of map. */
int dw_note_blocks(const struct dw_making *m, const struct dw_note *note, struct dw_tval *map);
/* The same in one line, without the heading; "" for NULL. */
int dw_note_line(const struct dw_making *m, const struct dw_note *note, struct dw_buf *out);
/* ---- compose-outcome.c ---- */
struct dw_tval *dw_outcome_section(const struct dw_making *m, int *r); /* m->view->answer; owned */

/* ---- compose-mime.c ---- */

struct dw_mime {
	const struct dw_mail_conf *conf;
	const struct dw_person *to;
	const struct dw_zone *zone; /* of the Date */
	dw_time now;
	const char *message_id, *root_id; /* without <> */
	const char *reply_to;		  /* bare address; NULL: none */
	const char *subject;		  /* one clean line */
	const char *text, *html;	  /* html NULL: text only */
	const struct dw_calendars *calendar; /* attached */
	const char *(*header)[2];	  /* further name, value pairs; values are clean lines */
	size_t n_header;
	const char *answers; /* the Message-ID of the mail this one answers; NULL: it answers none */
	bool replied;	     /* it was caused by another mail (RFC 3834) */
};
int dw_mime_write(void **bytes, size_t *n, const struct dw_mime *m, struct dw_err *err);
char *dw_mime_id(const struct dw_mail_conf *conf, const char *kind, const char *key); /* owned */
void dw_mime_init(void); /* once per process; any thread */

#endif
