/* After part 4 of a mail: what the platform's rules say of the extension that is proposed. Only what the pack knows. */
#include "compose-impl.h"

/* The limit is named from where it begins to matter. */
enum { NEAR_LIMIT_DAYS = 14 };

static void set_ship(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item,
		     const struct dw_proposal *p)
{
	const struct dw_zone *z = dw_item_zone(m, item);
	struct dw_tval *ship;

	if (!p->known || p->too_early || !p->limited || (!p->last && p->limit - p->day > NEAR_LIMIT_DAYS))
		return;
	ship = dw_item_day(m, z, p->limit);
	dw_tval_set_bool(ship, "last", p->last);
	dw_tval_set(map, "ship", ship);
}

static const char *by_name(enum dw_receipt_by by)
{
	switch (by) {
	case DW_RECEIPT_BY_SELLER:
		return "seller";
	case DW_RECEIPT_BY_BUYER:
		return "buyer";
	case DW_RECEIPT_BY_BOTH:
		return "both";
	case DW_RECEIPT_BY_NOBODY:
		return "none";
	case DW_RECEIPT_BY_UNKNOWN:
		break;
	}
	return "unknown";
}

static void set_receipt(struct dw_tval *map, const struct dw_mail_item *item)
{
	const struct dw_facts *f = &item->order->f;
	const struct dw_pack *pack = item->pack;
	struct dw_tval *receipt = dw_tval_map();
	int64_t used = dw_has(f, DW_F_RECEIPT_EXTENSIONS) ? f->num[DW_F_RECEIPT_EXTENSIONS] : 0;
	int left = dw_receipt_left(item->order, pack);

	dw_set_flag(receipt, "by", by_name(pack->receipt_by));
	if (pack->receipt_seller_times > 0)
		dw_set_number(receipt, "seller_times", pack->receipt_seller_times);
	if (pack->receipt_buyer_times > 0)
		dw_set_number(receipt, "buyer_times", pack->receipt_buyer_times);
	if (used > 0)
		dw_set_number(receipt, "used", used);
	dw_tval_set_bool(receipt, "over", left == 0);
	dw_tval_set_bool(receipt, "last", left == 1);
	dw_tval_set(map, "receipt", receipt);
	if (left != 0)
		dw_tval_set_bool(map, "payout", pack->payout == DW_PAYOUT_RECEIPT);
}

void dw_item_limits(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item,
		    const struct dw_proposal *ship)
{
	struct dw_tval *limits = dw_tval_map();

	if (ship)
		set_ship(m, limits, item, ship);
	else
		set_receipt(limits, item);
	dw_tval_set(map, "limits", limits);
}
