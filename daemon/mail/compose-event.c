/* A mail's deadlines as calendar entries: one for each dated order that stands in full, and the end of those that are
 * settled.
 *
 * They are attachments of METHOD:PUBLISH and not invitations. An invitation (REQUEST) makes every program answer its
 * organizer, which is us; and Outlook takes a calendar among a mail's alternatives for the mail itself, while one
 * behind the first part of a multipart/mixed is a file that one click adds ([MS-STANOIMI], RFC 6047 §2.4; V0343).
 * VEVENT and not VTODO: the calendars of Google and Outlook have no to-dos.
 *
 * An entry's UID stays what it is as long as the side's episode lasts, for one reader. Which of two mails is the newer
 * SEQUENCE says: the second in which it was rendered, so nothing needs to be kept. A mail that is tried again has the
 * same bytes, one rendered anew the facts of that later moment, and whichever arrives last, the newest facts win (RFC
 * 5546 §2.1.5). A cancellation counts one more: settled in the same second, it wins. */
#include "compose-impl.h"

enum { SUMMARY_MAX = 160, TEXT_LINE_MAX = 400, TEXT_LINES_MAX = 12 };

/* Owned texts behind the events of one file. */
struct entry {
	char *uid, *url;
	struct dw_buf summary, text;
};

static void entry_fini(struct entry *e)
{
	free(e->uid);
	free(e->url);
	dw_buf_fini(&e->summary);
	dw_buf_fini(&e->text);
}

/* Not to be guessed: whoever knows an entry's UID can replace it. */
static char *uid_of(const struct dw_making *m, const struct dw_mail_item *item)
{
	const struct dw_mail_view *v = m->view;
	DW_BUF key = { 0 };

	dw_buf_printf(&key, "%s\n%s\n%s\n%s\n%lld\n%s", v->salt ? v->salt : "", item->feed, item->order_id,
		      dw_side_words[item->side], (long long)item->episode, v->config->people.p[v->person].name);
	return key.failed ? NULL : dw_mime_id(&v->config->mail, "event", key.p);
}

/* The template's first line is the title, the others are the text. */
static void split(struct entry *e, char *words)
{
	char *line;

	for (int n = 0; n < TEXT_LINES_MAX && (line = strsep(&words, "\n"));) {
		DW_BUF clean = { 0 };

		dw_scrub(&clean, line, n ? TEXT_LINE_MAX : SUMMARY_MAX);
		if (clean.n == 0)
			continue;
		if (n > 1)
			dw_buf_putc(&e->text, '\n');
		dw_buf_puts(n ? &e->text : &e->summary, clean.p);
		n++;
	}
}

static int fill(struct entry *e, const struct dw_making *m, const struct dw_mail_item *item)
{
	DW_CLEANUP(dw_tval_freep) struct dw_tval *map = dw_item_row_map(m, item);
	const char *url = dw_tval_str(dw_tval_get(map, "url", 3, dw_hash(DW_HASH_INIT, "url", 3)), NULL);
	DW_BUF b = { 0 };
	int r;

	dw_words_date(&b, m->words, m->zone, m->view->now, DW_DATE_DATA);
	dw_set_buf(map, "written", &b);
	r = dw_templates_render(m->set, DW_TPL_EVENT, map, DW_ESCAPE_NONE, &b, m->err);
	if (r < 0)
		return r;
	if (b.n)
		split(e, b.p);
	if (e->summary.n == 0)
		dw_buf_puts(&e->summary, "duewatch");
	e->uid = uid_of(m, item);
	e->url = dw_empty(url) ? NULL : dw_strdup(url);
	return !e->uid || (!dw_empty(url) && !e->url) || e->summary.failed || e->text.failed ? dw_err_oom(m->err) : 0;
}

/* The deadline that a reader was told in this episode and that holds no more; DW_UNKNOWN: none. */
static dw_time told_before(const struct dw_making *m, const struct dw_mail_item *item)
{
	dw_time at = DW_UNKNOWN, told = DW_UNKNOWN;

	for (size_t i = 0; i < item->n_told; i++) {
		const struct dw_told *t = &item->told[i];

		if (t->side == item->side && t->episode == item->episode && t->person == m->view->person &&
		    t->state == DW_STEP_MAILED && t->act_by != DW_UNKNOWN && (told == DW_UNKNOWN || t->at >= told)) {
			at = t->act_by;
			told = t->at;
		}
	}
	return at;
}

static bool dated(dw_time t)
{
	return t != DW_UNKNOWN && t != DW_NEVER;
}

/* One file: of all that is to be done together, of what is settled each alone (RFC 5546 §3.2.5). */
static int write_file(const struct dw_making *m, struct dw_calendars *out, const struct entry *e, const dw_time *at, size_t n,
		      bool cancel)
{
	struct dw_event event[DW_MAIL_FULL_MAX];
	struct dw_ics ics = { .conf = &m->view->config->mail, .now = m->view->now, .cancel = cancel, .event = event, .n = n };
	DW_BUF b = { 0 };

	for (size_t i = 0; i < n; i++)
		event[i] = (struct dw_event){ .uid = e[i].uid, .summary = dw_buf_str(&e[i].summary),
					      .text = dw_buf_str(&e[i].text), .url = e[i].url, .at = at[i] };
	if (dw_ics_write(&b, &ics) < 0)
		return dw_err_oom(m->err);
	out->file[out->n].cancel = cancel;
	out->file[out->n].text = dw_buf_take(&b);
	return out->file[out->n++].text ? 0 : dw_err_oom(m->err);
}

struct events {
	struct entry entry[DW_MAIL_FULL_MAX];
	dw_time at[DW_MAIL_FULL_MAX];
	size_t n, n_cancel;
};

static bool has_uid(const struct events *all, const char *uid)
{
	for (size_t i = 0; i < all->n; i++)
		if (dw_streq(all->entry[i].uid, uid))
			return true;
	return false;
}

/* What is to be done goes into `all`; what is over is written at once. */
static int take(const struct dw_making *m, struct dw_calendars *out, struct events *all, const struct dw_mail_item *item)
{
	bool cancel = item->resolved || !dated(item->act_by);
	dw_time at = dated(item->act_by) ? item->act_by : told_before(m, item);
	struct entry e = { 0 };
	int r;

	if (!dated(at) || (cancel ? all->n_cancel : all->n) == DW_MAIL_FULL_MAX)
		return 0;
	r = fill(&e, m, item);
	if (r == 0 && cancel && out->n < DW_COUNT(out->file) - 1) {
		r = write_file(m, out, &e, &at, 1, true);
		all->n_cancel++;
	} else if (r == 0 && !cancel && !has_uid(all, e.uid)) {
		all->at[all->n] = at;
		all->entry[all->n++] = e;
		return 0;
	}
	entry_fini(&e);
	return r;
}

int dw_calendars_make(const struct dw_making *m, const size_t *const list[2], const size_t n[2], struct dw_calendars *out)
{
	const struct dw_mail_view *v = m->view;
	struct events all = { 0 };
	int r = 0;

	if (v->plain || v->config->people.p[v->person].no_calendar)
		return 0;
	for (int k = 0; k < 2; k++)
		for (size_t i = 0; r == 0 && i < n[k]; i++)
			r = take(m, out, &all, &v->item[list[k][i]]);
	if (r == 0 && all.n)
		r = write_file(m, out, all.entry, all.at, all.n, false);
	if (r == 0 && all.n) { /* what there is to do comes first */
		struct dw_calendar last = out->file[out->n - 1];

		memmove(out->file + 1, out->file, (out->n - 1) * sizeof(last));
		out->file[0] = last;
	}
	for (size_t i = 0; i < all.n; i++)
		entry_fini(&all.entry[i]);
	return r;
}

void dw_calendars_fini(struct dw_calendars *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->file[i].text);
	c->n = 0;
}
