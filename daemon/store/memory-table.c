/* memory.h: arrays of owned rows. */
#include "memory.h"

static int text_copy(void *to, const void *from)
{
	const struct dw_mem_text *f = from;
	struct dw_mem_text *t = to;

	t->key = dw_strdup(f->key);
	t->value = dw_strdup(f->value);
	if (t->key && t->value)
		return 0;
	free(t->key);
	free(t->value);
	return -ENOMEM;
}

static void text_fini(void *row)
{
	struct dw_mem_text *t = row;

	free(t->key);
	free(t->value);
}

static int feed_copy(void *to, const void *from)
{
	return dw_feed_row_copy(to, from);
}

static void feed_fini(void *row)
{
	dw_feed_row_fini(row);
}

static int order_copy(void *to, const void *from)
{
	return dw_order_row_copy(to, from);
}

static void order_fini(void *row)
{
	dw_order_row_fini(row);
}

static void overlay_fini(void *row)
{
	struct dw_mem_overlay *o = row;

	free(o->feed);
	free(o->order_id);
	free(o->record);
}

static int overlay_copy(void *to, const void *from)
{
	const struct dw_mem_overlay *f = from;
	struct dw_mem_overlay *t = to;

	*t = *f;
	t->feed = dw_strdup(f->feed);
	t->order_id = dw_strdup(f->order_id);
	t->record = dw_memdup(f->record, f->n);
	if (t->feed && t->order_id && (t->record || !f->n))
		return 0;
	overlay_fini(t);
	return -ENOMEM;
}

static int hand_copy(void *to, const void *from)
{
	const struct dw_mem_hand *f = from;
	struct dw_mem_hand *t = to;

	t->order = f->order;
	return dw_hand_copy(&t->h, &f->h);
}

static void hand_fini(void *row)
{
	dw_hand_fini(&((struct dw_mem_hand *)row)->h);
}

static int mail_copy(void *to, const void *from)
{
	const struct dw_mem_mail *f = from;
	struct dw_mem_mail *t = to;

	t->leased_from = f->leased_from;
	return dw_mail_row_copy(&t->row, &f->row);
}

static void mail_fini(void *row)
{
	dw_mail_row_fini(&((struct dw_mem_mail *)row)->row);
}

static int history_copy(void *to, const void *from)
{
	const struct dw_mem_history *f = from;
	struct dw_mem_history *t = to;

	*t = *f;
	t->text = dw_strdup(f->text);
	return t->text ? 0 : -ENOMEM;
}

static void history_fini(void *row)
{
	free(((struct dw_mem_history *)row)->text);
}

static int inbound_copy(void *to, const void *from)
{
	const struct dw_mem_inbound *f = from;
	struct dw_mem_inbound *t = to;

	*t = *f;
	t->key = dw_strdup(f->key);
	t->row.id = t->key;
	return t->key ? 0 : -ENOMEM;
}

static void inbound_fini(void *row)
{
	free(((struct dw_mem_inbound *)row)->key);
}

/* Rows without copy and fini own nothing. */
void dw_table_init(struct dw_table t[MEM_TABLES])
{
	static const struct dw_table empty[MEM_TABLES] = {
		[MEM_META] = { .each = sizeof(struct dw_mem_text), .copy = text_copy, .fini = text_fini },
		[MEM_FEED] = { .each = sizeof(struct dw_feed_row), .copy = feed_copy, .fini = feed_fini },
		[MEM_ORDER] = { .each = sizeof(struct dw_order_row), .copy = order_copy, .fini = order_fini },
		[MEM_OVERLAY] = { .each = sizeof(struct dw_mem_overlay), .copy = overlay_copy, .fini = overlay_fini },
		[MEM_HAND] = { .each = sizeof(struct dw_mem_hand), .copy = hand_copy, .fini = hand_fini },
		[MEM_ALERT] = { .each = sizeof(struct dw_mem_alert) },
		[MEM_EPISODE] = { .each = sizeof(struct dw_mem_episode) },
		[MEM_STEP] = { .each = sizeof(struct dw_step_row) },
		[MEM_MAIL] = { .each = sizeof(struct dw_mem_mail), .copy = mail_copy, .fini = mail_fini },
		[MEM_PERSON] = { .each = sizeof(struct dw_person_row) },
		[MEM_MAILBOX] = { .each = sizeof(struct dw_mailbox_row) },
		[MEM_INBOUND] = { .each = sizeof(struct dw_mem_inbound), .copy = inbound_copy, .fini = inbound_fini },
		[MEM_DEAD] = { .each = sizeof(struct dw_dead_row) },
		[MEM_HISTORY] = { .each = sizeof(struct dw_mem_history), .copy = history_copy, .fini = history_fini },
	};

	memcpy(t, empty, sizeof(empty));
}

void dw_table_fini(struct dw_table *t)
{
	for (size_t i = 0; t->fini && i < t->n; i++)
		t->fini(dw_table_at(t, i));
	free(t->p);
	t->p = NULL;
	t->n = t->cap = 0;
}

static int copy_row(const struct dw_table *t, void *to, const void *from)
{
	if (t->copy)
		return t->copy(to, from);
	memcpy(to, from, t->each);
	return 0;
}

int dw_table_copy(struct dw_table *to, const struct dw_table *from)
{
	for (size_t i = 0; i < from->n; i++)
		if (dw_table_add(to, dw_table_at(from, i)) < 0) {
			dw_table_fini(to);
			return -ENOMEM;
		}
	return 0;
}

int dw_table_add(struct dw_table *t, const void *row)
{
	if (dw_grow(&t->p, &t->cap, t->n + 1, t->each) < 0 || copy_row(t, dw_table_at(t, t->n), row) < 0)
		return -ENOMEM;
	t->n++;
	return 0;
}

int dw_table_set(struct dw_table *t, size_t i, const void *row)
{
	int r = dw_table_add(t, row);

	if (r < 0)
		return r;
	if (t->fini)
		t->fini(dw_table_at(t, i));
	t->n--;
	memcpy(dw_table_at(t, i), dw_table_at(t, t->n), t->each);
	return 0;
}

void dw_table_drop(struct dw_table *t, size_t i)
{
	if (t->fini)
		t->fini(dw_table_at(t, i));
	memmove(dw_table_at(t, i), dw_table_at(t, i + 1), (t->n - i - 1) * t->each);
	t->n--;
}

int dw_table_sweep(struct dw_table *t, bool (*dead)(const void *row, const void *ctx), const void *ctx, int max)
{
	int dropped = 0;

	for (size_t i = 0; i < t->n && dropped < max;) {
		if (dead(dw_table_at(t, i), ctx)) {
			dw_table_drop(t, i);
			dropped++;
		} else {
			i++;
		}
	}
	return dropped;
}
