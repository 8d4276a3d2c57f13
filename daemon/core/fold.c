/* fact.h: rows of one order folded into one record, and a record succeeding the one before it (rules.md §2). */
#include "duewatch/fact.h"

enum fold_how { FOLD_FIRST, FOLD_EARLIEST, FOLD_LATEST, FOLD_OWN };

static enum fold_how how(enum dw_field x)
{
	switch (x) {
	case DW_F_PROMISED_AT:
	case DW_F_LEAD_DAYS: /* a promise too: the shortest ends first */
	case DW_F_AUTO_CONFIRM_AT:
	case DW_F_PAID_AT:
	case DW_F_CREATED_AT:
	case DW_F_SHIPPED_AT:
	case DW_F_EXTENSION_UNTIL:
		return FOLD_EARLIEST;
	case DW_F_EXPECTED_SHIP_AT:
	case DW_F_AGREED_AT:
	case DW_F_EXPECTED_ARRIVAL_AT:
	case DW_F_COMPLETED_AT:
	case DW_F_DELIVERED_AT: /* but only if all rows have it: dw_fold_finish */
		return FOLD_LATEST;
	case DW_F_STATUS:
	case DW_F_EXTENSION_STATE:
		return FOLD_OWN;
	case DW_F_ORDER_ID:
	case DW_F_PLATFORM:
	case DW_F_RECEIPT_EXTENSIONS:
	case DW_F_TRANSPORT:
	case DW_F_OWNER:
	case DW_F_BUYER:
	case DW_F_TITLE:
	case DW_F_URL:
	case DW_F_NOTE:
	case DW_F_AMOUNT:
	case DW_F_CURRENCY:
	case DW_FIELD_COUNT:
		break;
	}
	return FOLD_FIRST;
}

static void fold_field(struct dw_facts *f, struct dw_facts *row, enum dw_field x)
{
	bool take = false;

	if (!dw_has(row, x))
		return;
	switch (how(x)) {
	case FOLD_FIRST:
		take = !dw_has(f, x);
		break;
	case FOLD_EARLIEST:
		take = !dw_has(f, x) || row->num[x] < f->num[x];
		break;
	case FOLD_LATEST:
		take = !dw_has(f, x) || row->num[x] > f->num[x];
		break;
	case FOLD_OWN:
		break;
	}
	if (!take)
		return;
	free(f->text[x]);
	f->text[x] = row->text[x];
	row->text[x] = NULL;
	f->num[x] = row->num[x];
	f->known |= UINT32_C(1) << x;
}

/* The amount keeps the currency of its own row. */
static void fold_money(struct dw_fold *fold, struct dw_facts *row)
{
	struct dw_facts *f = &fold->f;

	if (!dw_has(row, DW_F_AMOUNT))
		return;
	if (dw_has(f, DW_F_AMOUNT))
		fold->differ |= f->num[DW_F_AMOUNT] != row->num[DW_F_AMOUNT];
	else if (dw_has(row, DW_F_CURRENCY))
		dw_facts_forget(f, DW_F_CURRENCY);
}

static void fold_row(struct dw_fold *fold, struct dw_facts *row)
{
	fold_money(fold, row);
	if (dw_has(row, DW_F_STATUS))
		fold->status_seen |= 1U << row->num[DW_F_STATUS];
	if (dw_has(row, DW_F_EXTENSION_STATE))
		fold->ext_seen |= 1U << row->num[DW_F_EXTENSION_STATE];
	fold->delivered += dw_has(row, DW_F_DELIVERED_AT);
	for (int x = 0; x < DW_FIELD_COUNT; x++)
		fold_field(&fold->f, row, (enum dw_field)x);
	fold->live++;
}

int dw_fold_add(struct dw_fold *fold, struct dw_facts *row)
{
	uint32_t listed = row->listed;

	fold->rows++;
	if (dw_has(row, DW_F_STATUS) && row->num[DW_F_STATUS] == DW_CANCELLED) {
		for (int x = 0; x < DW_FIELD_COUNT; x++)
			fold_field(&fold->cancelled, row, (enum dw_field)x);
	} else
		fold_row(fold, row);
	fold->f.listed |= listed;
	dw_facts_fini(row);
	return 0;
}

/* rules.md §2: disputed if any row is; else the least advanced, but some shipped and some to ship is partly. */
static int fold_status(unsigned seen)
{
	unsigned further = 1U << DW_SHIPPED | 1U << DW_DELIVERED | 1U << DW_COMPLETED;

	if (seen & 1U << DW_DISPUTED)
		return DW_DISPUTED;
	if ((seen & 1U << DW_AWAITING_SHIPMENT) && (seen & (further | 1U << DW_PARTLY_SHIPPED)))
		return DW_PARTLY_SHIPPED;
	for (int s = DW_AWAITING_PAYMENT; s <= DW_COMPLETED; s++)
		if (seen & 1U << s)
			return s;
	return -1;
}

static int fold_extension(unsigned seen)
{
	static const enum dw_extension order[] = { DW_EXT_DECLINED, DW_EXT_REQUESTED, DW_EXT_NONE, DW_EXT_ACCEPTED };

	for (size_t i = 0; i < DW_COUNT(order); i++)
		if (seen & 1U << order[i])
			return (int)order[i];
	return -1;
}

int dw_fold_finish(struct dw_fold *fold, struct dw_facts *out)
{
	struct dw_facts *f = &fold->f;
	uint32_t listed = f->listed;
	int s;

	if (fold->live == 0) {
		dw_facts_fini(f);
		*f = fold->cancelled;
		memset(&fold->cancelled, 0, sizeof(fold->cancelled));
		if (fold->rows)
			dw_facts_set_num(f, DW_F_STATUS, DW_CANCELLED);
	} else {
		if ((s = fold_status(fold->status_seen)) >= 0)
			dw_facts_set_num(f, DW_F_STATUS, s);
		if ((s = fold_extension(fold->ext_seen)) >= 0)
			dw_facts_set_num(f, DW_F_EXTENSION_STATE, s);
		if (fold->delivered < fold->live)
			dw_facts_forget(f, DW_F_DELIVERED_AT);
	}
	f->listed = listed;
	*out = *f;
	memset(f, 0, sizeof(*f));
	dw_fold_fini(fold);
	return 0;
}

void dw_fold_fini(struct dw_fold *fold)
{
	dw_facts_fini(&fold->f);
	dw_facts_fini(&fold->cancelled);
	memset(fold, 0, sizeof(*fold));
}

enum { LEFT_JITTER_S = 600 };

int dw_facts_succeed(struct dw_facts *now, const struct dw_facts *before, uint32_t bad, uint32_t left)
{
	for (int i = 0; i < DW_FIELD_COUNT; i++) {
		enum dw_field x = (enum dw_field)i;
		uint32_t bit = UINT32_C(1) << i;
		bool keep = !dw_listed(now, x) || ((bad & bit) && dw_has(before, x));

		if ((left & bit) && dw_has(now, x) && dw_has(before, x)) {
			int64_t moved = now->num[x] - before->num[x];

			keep |= moved >= -LEFT_JITTER_S && moved <= LEFT_JITTER_S;
		}
		if (!keep)
			continue;
		if (dw_facts_take(now, before, x) < 0)
			return -ENOMEM;
		now->listed |= before->listed & bit;
	}
	return 0;
}
