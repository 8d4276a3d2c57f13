/* timeline.h */
#include "duewatch/timeline.h"

const char *const dw_mark_words[DW_MARK_COUNT] = {
	[DW_MARK_NOW] = "now",
	[DW_MARK_ACT_BY] = "act_by",
	[DW_MARK_FIRST_PROMISE] = "first_promise",
	[DW_MARK_PROMISED] = "promised",
	[DW_MARK_ASKED] = "asked",
	[DW_MARK_AGREED] = "agreed",
	[DW_MARK_EXPECTED] = "expected",
	[DW_MARK_SHIPPED] = "shipped",
	[DW_MARK_ARRIVAL] = "arrival",
	[DW_MARK_DELIVERED] = "delivered",
	[DW_MARK_AUTO_CONFIRM] = "auto_confirm",
	[DW_MARK_RECEIVED] = "received",
	[DW_MARK_CLAIM_END] = "claim_end",
};

_Static_assert(DW_MARK_COUNT * DW_MARK_STEP <= DW_LINE_WIDTH, "every mark at once must fit on the line");

enum { ROOM = DW_LINE_WIDTH - DW_MARK_WIDTH }; /* where the last box may begin */

static bool known(dw_time t)
{
	return t != DW_UNKNOWN && t != DW_NEVER;
}

/* Into its place in time; what falls on an instant that is there joins it. */
static void put(struct dw_timeline *t, dw_time at, enum dw_mark mark)
{
	size_t i = t->n;

	for (size_t k = 0; k < t->n; k++)
		if (t->point[k].at == at) {
			t->point[k].marks |= 1U << mark;
			return;
		}
	for (; i > 0 && t->point[i - 1].at > at; i--)
		t->point[i] = t->point[i - 1];
	t->point[i] = (struct dw_point){ .at = at, .marks = 1U << mark };
	t->n++;
}

/* From the left each box is pushed behind the one before, then from the right back onto the line: all fit (asserted
 * above), so the second turn undoes none of the first one's distances. */
static void push_apart(struct dw_timeline *t)
{
	int last = ROOM;

	for (size_t i = 1; i < t->n; i++)
		if (t->point[i].x < t->point[i - 1].x + DW_MARK_STEP)
			t->point[i].x = t->point[i - 1].x + DW_MARK_STEP;
	for (size_t i = t->n; i-- > 0; last -= DW_MARK_STEP) {
		if (t->point[i].x > last)
			t->point[i].x = last;
		else
			last = t->point[i].x;
	}
}

void dw_timeline_lay(struct dw_timeline *out, const dw_time at[DW_MARK_COUNT])
{
	struct dw_timeline t = { 0 };
	int64_t span; /* a century is 3.2e9 s: times 1000 it is far within int64 */

	for (int m = 0; m < DW_MARK_COUNT; m++)
		if (known(at[m]))
			put(&t, at[m], (enum dw_mark)m);
	if (t.n < 2)
		t.n = 0;
	span = t.n ? t.point[t.n - 1].at - t.point[0].at : 1;
	for (size_t i = 0; i < t.n; i++) {
		t.point[i].gap = i ? t.point[i].at - t.point[i - 1].at : 0;
		t.point[i].x = (int)(((t.point[i].at - t.point[0].at) * ROOM + span / 2) / span);
	}
	push_apart(&t);
	*out = t;
}

void dw_timeline_of(struct dw_timeline *out, const struct dw_order *o, const struct dw_dates *d, enum dw_side side,
		    dw_time act_by, dw_time now)
{
	dw_time at[DW_MARK_COUNT], shipped = dw_at(&o->f, DW_F_SHIPPED_AT), delivered = dw_at(&o->f, DW_F_DELIVERED_AT);

	for (int m = 0; m < DW_MARK_COUNT; m++)
		at[m] = DW_UNKNOWN;
	at[DW_MARK_NOW] = now;
	at[DW_MARK_ACT_BY] = act_by;
	at[DW_MARK_PROMISED] = d->p;
	if (d->promise != d->p)
		at[DW_MARK_FIRST_PROMISE] = d->promise;
	if (d->extension == DW_EXT_REQUESTED || d->extension == DW_EXT_DECLINED)
		at[DW_MARK_ASKED] = dw_at(&o->f, DW_F_EXTENSION_UNTIL);
	at[DW_MARK_AGREED] = dw_at(&o->f, DW_F_AGREED_AT);
	at[DW_MARK_SHIPPED] = shipped;
	at[DW_MARK_DELIVERED] = delivered;
	at[DW_MARK_RECEIVED] = d->r;
	if (shipped == DW_UNKNOWN) /* once it has shipped nobody asks when it was to */
		at[DW_MARK_EXPECTED] = dw_at(&o->f, DW_F_EXPECTED_SHIP_AT);
	if (delivered == DW_UNKNOWN)
		at[DW_MARK_ARRIVAL] = d->eta;
	if (d->r == DW_UNKNOWN)
		at[DW_MARK_AUTO_CONFIRM] = d->a;
	if (side == DW_SIDE_CLAIM && d->status != DW_DISPUTED) /* the claim that counts is made */
		at[DW_MARK_CLAIM_END] = d->c;
	for (int m = DW_MARK_ACT_BY + 1; m < DW_MARK_COUNT; m++)
		if (at[m] == act_by)
			at[DW_MARK_ACT_BY] = DW_UNKNOWN;
	dw_timeline_lay(out, at);
}
