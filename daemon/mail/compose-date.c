/* Part 4 of a mail: one proposed date. */
#include "compose-impl.h"

enum { LOOK_MAX = 366 }; /* days looked at for a working one: a pack's holidays may fill a year, not more */

static bool works(const struct dw_pack *pack, int32_t day)
{
	return dw_day_works(day, DW_MON_FRI, &pack->holidays);
}

/* The last day the platform's limit allows, or INT32_MAX: days from payment, else from the order's creation. */
static int32_t last_day(const struct dw_order *o, const struct dw_pack *pack, const struct dw_zone *z)
{
	dw_time base = dw_at(&o->f, DW_F_PAID_AT);

	if (base == DW_UNKNOWN)
		base = dw_at(&o->f, DW_F_CREATED_AT);
	if (pack->max_extension_days <= 0 || base == DW_UNKNOWN)
		return INT32_MAX;
	return dw_zone_day(z, base) + pack->max_extension_days;
}

void dw_propose_ship(struct dw_proposal *out, const struct dw_order *o, const struct dw_dates *d, const struct dw_pack *pack,
		     const struct dw_zone *z, dw_time now)
{
	int32_t real, day, last = last_day(o, pack, z);
	int looked = 0;

	*out = (struct dw_proposal){ .limited = last != INT32_MAX, .limit = last };
	if (d->e == DW_UNKNOWN)
		return;
	real = dw_zone_day(z, d->e > now ? d->e : now); /* a date that is just past may still be believed */
	for (day = real + pack->margin_days; !works(pack, day) && looked < LOOK_MAX; looked++)
		day++;
	if (day > last) {
		out->capped = true;
		for (day = last, looked = 0; !works(pack, day) && looked < LOOK_MAX; looked++)
			day--;
	}
	out->too_early = day < real;
	out->day = day;
	out->last = out->limited;
	for (int32_t next = day + 1; out->last && next <= last && next < day + LOOK_MAX; next++)
		out->last = !works(pack, next);
	out->known = works(pack, day) && (d->p == DW_UNKNOWN || day > dw_zone_day(z, d->p));
}

int dw_propose_receipt(const struct dw_dates *d, const struct dw_pack *pack)
{
	int64_t short_by, each = (int64_t)pack->receipt_extension * DW_DAY;

	if (each <= 0 || d->a == DW_UNKNOWN)
		return 0;
	if (d->eta == DW_UNKNOWN || d->eta_failed)
		return 1;
	short_by = d->eta + DW_DAY - d->a; /* to be safe the goods arrive a day before receipt is confirmed */
	return short_by <= each ? 1 : (int)((short_by + each - 1) / each);
}

int dw_receipt_left(const struct dw_order *o, const struct dw_pack *pack)
{
	int seller = pack->receipt_seller_times, buyer = pack->receipt_buyer_times, all = 0;
	int64_t used = dw_has(&o->f, DW_F_RECEIPT_EXTENSIONS) ? o->f.num[DW_F_RECEIPT_EXTENSIONS] : 0;

	switch (pack->receipt_by) {
	case DW_RECEIPT_BY_UNKNOWN:
		return -1;
	case DW_RECEIPT_BY_NOBODY:
		return 0;
	case DW_RECEIPT_BY_SELLER:
		all = seller;
		break;
	case DW_RECEIPT_BY_BUYER:
		all = buyer;
		break;
	case DW_RECEIPT_BY_BOTH:
		all = seller && buyer ? seller + buyer : 0;
		break;
	}
	if (all == 0)
		return -1;
	return used < all ? all - (int)used : 0;
}
