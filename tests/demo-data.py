#!/usr/bin/python3
"""Writes the demo's order files, dated around a given day, into a folder.

    demo-data.py [--day 2026-11-23] [--out FOLDER] [--expect]

orders.xlsx  what Alibaba.com's seller back office exports: all cells text, one row per (order, SKU)
orders.csv   the same, re-saved the way a Chinese Excel does it (GBK, CRLF)
plan.csv     the factory's and forwarder's plan: real ship dates, ETA, transport (an overlay feed)
--expect     prints, for each order, the alerts a first look at 00:00 UTC of that day should raise
             (rules.md section 4, pack alibaba, feed zone America/Los_Angeles, working days without holidays)

Everything is invented: order numbers, companies, people, amounts. Needs python3-openpyxl for the XLSX.
"""
import argparse
import csv
import datetime as dt
import os
import sys

HEADER = [
    "订单编号(Order Number)", "订单创建时间(Order Create Time)", "邮箱(Email)", "公司名称(Company Name)",
    "买家名称(Buyer Name)", "卖家名称(Seller Name)", "商品名称(Product Name)", "SKU规格(Sku Specification)",
    "数量(Quantity)", "单价(Unit Price)", "订单总价(Order Amount)", "运费(Shipping Fee)",
    "折扣金额(Discount Amount)", "状态(Status)", "订单类型(Order Type)", "买家国家(Buyer Country)",
    "税费,仅美国卖家适用(Tax Fee)", "收货地址(Shipping Address)", "订单备注(Order Remark)",
    "订单币种(Order Currency)", "预付款(Initial Payment)", "尾款(Balance Payment)",
    "约定发货时间(Appointed Delivery Time)", "是否有合同附件(Attachment)", "实际发货时间(Actual Delivery Time)",
]
TO_SHIP, PARTLY, SHIPPED = "待卖家发货", "发货中", "待买家确认收货"
DONE, CLOSED, REFUND = "交易成功", "订单关闭", "退款申请处理中"

# number, buyer, seller, product, [(sku, quantity, status, shipped)], total, currency, created, promised
# Days are counted from the given day; None leaves the cell empty; a text goes into the cell as it is.
ORDERS = [
    # the slip duewatch exists for: the buyer agreed to wait (plan.csv), nobody filed it
    ("234106001021457813", "Example Imports GmbH", "Alice Wang", "LED panel light 60x60",
     [("4000K", 1200, TO_SHIP, None)], "12400.00", "USD", -30, 7),
    # will it leave in time? nobody has said anything
    ("234106001021463920", "Sample Trading Ltd", "Alice Wang", "Aluminium profile 2020",
     [("6 m", 800, TO_SHIP, None)], "5310.50", "USD", -28, 6),
    # the date is over and nothing has left
    ("234106001021471146", "Muster Handels AG", "Bo Li", "Stainless kettle 1.7 L",
     [("silver", 2000, TO_SHIP, None)], "9980.00", "USD", -35, -2),
    # left three days late: claims are possible for a while
    ("234106001021480357", "Ejemplo Importaciones SL", "Bo Li", "Bamboo cutting board",
     [("L", 600, SHIPPED, -17)], "2210.00", "USD", -45, -20),
    # by sea, arrives after receipt confirms itself (day 45 after shipment)
    ("234106001021492584", "Exemple Distribution SARL", "Alice Wang", "Steel shelving 5 tiers",
     [("grey", 350, SHIPPED, -41)], "18750.00", "EUR", -80, -40),
    ("234106001021505739", "Voorbeeld Import BV", "Bo Li", "Ceramic mug 350 ml",
     [("white", 5000, REFUND, -25)], "4450.00", "USD", -60, -24),
    ("234106001021516072", "Example Imports GmbH", "Alice Wang", "LED strip 5 m",
     [("RGB", 900, DONE, -40)], "3120.00", "USD", -70, -38),
    ("234106001021528461", "Przyklad Sp. z o.o.", "Bo Li", "Garden hose 25 m",
     [("green", 400, CLOSED, None)], "1980.00", "USD", -20, 3),
    # three SKUs, one has left; the plan is in time, so nothing to do yet
    ("234106001021539615", "Esempio Forniture Srl", "Alice Wang", "棉质床品套装 Cotton bedding set",
     [("single", 300, TO_SHIP, None), ("double", 500, SHIPPED, -1), ("king", 150, TO_SHIP, None)],
     "22600.00", "USD", -25, 10),
    # Excel showed ######## in a narrow column, and somebody copied that
    ("234106001021547208", "Sample Trading Ltd", "Bo Li", "Folding chair",
     [("black", 240, TO_SHIP, None)], "3360.00", "USD", -12, "########"),
    # all well: more than a week left, the plan is in time
    ("234106001021558394", "Esempio Forniture Srl", "Alice Wang", "Glass storage jar",
     [("1 L", 3000, TO_SHIP, None)], "6150.00", "USD", -5, 40),
    # all well: express, arrives before receipt confirms itself; the seller left the company
    ("234106001021564927", "Muster Handels AG", "Former Clerk", "USB-C cable 2 m",
     [("black", 1000, SHIPPED, -4)], "1490.00 USD", "USD", -15, -3),
    # Excel damaged this number: the row is refused, and said so
    ("2.34106001021577E+17", "Ejemplo Importaciones SL", "Bo Li", "Door mat",
     [("60x40", 700, TO_SHIP, None)], "1680.00", "USD", -9, 9),
]

# order, real ship date, agreed with the buyer, ETA, transport, note
PLAN = [
    ("234106001021457813", 15, 17, None, "sea", "panels wait for drivers; buyer agreed by chat"),
    ("234106001021492584", None, None, 10, "sea", "transshipment delayed"),
    ("234106001021539615", 9, None, None, "sea", ""),
    ("234106001021558394", 30, None, None, "sea", ""),
    ("234106001021564927", None, None, 3, "express", ""),
    ("234106001029999998", 12, None, None, "", "not in the shop's export: waits and is counted"),
]

# What a first look should find. P ends at 23:59:59 in Los Angeles; A = shipped + 45 x 24 h by sea.
EXPECT = {
    "234106001021457813": ["extend_ship_date"],
    "234106001021463920": ["confirm_ship_date"],
    "234106001021471146": ["overdue"],
    "234106001021480357": ["shipped_late"],
    "234106001021492584": ["extend_receipt"],
    "234106001021505739": ["dispute"],
    "234106001021516072": [],
    "234106001021528461": [],
    "234106001021539615": ["ship_by"],
    "234106001021547208": ["incomplete"],
    "234106001021558394": ["ship_by"],
    "234106001021564927": [],
}


def date(day, offset):
    if offset is None:
        return ""
    if isinstance(offset, str):
        return offset
    return (day + dt.timedelta(days=offset)).isoformat()


def moment(day, offset, clock):
    return date(day, offset) and date(day, offset) + " " + clock


def rows(day):
    for number, buyer, seller, product, skus, total, currency, created, promised in ORDERS:
        for sku, quantity, status, shipped in skus:
            cell = dict.fromkeys(HEADER, "")
            cell.update({
                HEADER[0]: number, HEADER[1]: moment(day, created, "09:12:45"), HEADER[2]: "buyer@example.com",
                HEADER[3]: buyer, HEADER[4]: buyer, HEADER[5]: seller, HEADER[6]: product, HEADER[7]: sku,
                HEADER[8]: str(quantity), HEADER[10]: total, HEADER[11]: "0.00", HEADER[12]: "0.00",
                HEADER[13]: status, HEADER[14]: "信用保障", HEADER[19]: currency,
                HEADER[22]: date(day, promised), HEADER[23]: "否", HEADER[24]: moment(day, shipped, "15:30:00"),
            })
            yield [cell[name] for name in HEADER]


def write_xlsx(path, day):
    from openpyxl import Workbook
    book = Workbook()
    book.properties.created = book.properties.modified = dt.datetime(day.year, day.month, day.day)
    sheet = book.active
    sheet.title = "orders"
    for line in [HEADER, *rows(day)]:
        sheet.append(line)
    for line in sheet.iter_rows():
        for cell in line:
            cell.number_format = "@"
    book.save(path)


def write_csv(path, lines, encoding):
    with open(path, "w", encoding=encoding, newline="") as out:
        csv.writer(out, lineterminator="\r\n").writerows(lines)


def main():
    ask = argparse.ArgumentParser(description="write the demo's order files")
    ask.add_argument("--day", type=dt.date.fromisoformat, default=dt.datetime.now(dt.timezone.utc).date())
    ask.add_argument("--out", default=".")
    ask.add_argument("--expect", action="store_true")
    said = ask.parse_args()
    if said.expect:
        for number, kinds in EXPECT.items():
            print(number, *(kinds or ["-"]))
        return 0
    os.makedirs(said.out, exist_ok=True)
    # Under another name first: a folder that is being watched must never show half a file.
    plan = [["order_id", "expected_ship_at", "agreed_at", "expected_arrival_at", "transport", "note"]]
    for number, ships, agreed, arrives, by, note in PLAN:
        plan.append([number, date(said.day, ships), date(said.day, agreed), date(said.day, arrives), by, note])
    for name, write in (
            ("plan.csv", lambda path: write_csv(path, plan, "utf-8")),
            ("orders.csv", lambda path: write_csv(path, [HEADER, *rows(said.day)], "gbk")),
            ("orders.xlsx", lambda path: write_xlsx(path, said.day))):
        path = os.path.join(said.out, name)
        write(path + ".part")
        os.replace(path + ".part", path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
