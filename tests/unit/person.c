/* person.h and pack.h: who is meant, who serves in which role; a pack's texts by language. */
#include "duewatch/pack.h"
#include "make.h"

static void finds(void **state)
{
	static const struct {
		const char *text;
		int who;
	} t[] = {
		{ "alice", ALICE }, { " ALICE\t", ALICE }, { "Wang Li", BOB }, { "bob@example.com", BOB }, { "BOB@Example.com ", BOB },
		{ "", -1 },	    { "   ", -1 },	   { "ali", -1 },      { "alice b", -1 },	  { "carol@example.com", -1 },
		{ "carol", CAROL }, /* the name wins over bob's alias */
	};
	static char *alias[] = { (char *)"Wang Li", (char *)"carol" };
	struct dw_person p[PERSONS];
	struct dw_people people = people_of(p);

	(void)state;
	p[BOB].email = (char *)"bob@example.com";
	p[BOB].alias = alias;
	p[BOB].n_alias = DW_COUNT(alias);
	for (size_t i = 0; i < DW_COUNT(t); i++)
		if (dw_people_find(&people, t[i].text) != t[i].who)
			fail_msg("\"%s\"", t[i].text);
	assert_int_equal(dw_people_find(&people, NULL), -1);
}

/* Who has two roles is named once, in the first. */
static void serving(void **state)
{
	struct dw_person p[PERSONS];
	struct dw_people people = people_of(p);
	int who[DW_ROLE_COUNT];

	(void)state;
	assert_int_equal(dw_people_serving(&people, ALICE, 1U << DW_OWNER | 1U << DW_DEPUTY | 1U << DW_MANAGER, who), 3);
	assert_int_equal(who[0], ALICE);
	assert_int_equal(who[1], BOB);
	assert_int_equal(who[2], CAROL);
	assert_int_equal(dw_people_serving(&people, DAVE, 1U << DW_DEPUTY | 1U << DW_MANAGER, who), 1);
	assert_int_equal(who[0], ALICE);
	assert_int_equal(dw_people_serving(&people, ALICE, 0, who), 0);
}

/* A missing role comes from default_deputy or default_manager, else default_owner. */
static void roles(void **state)
{
	struct dw_person p[PERSONS];
	struct dw_people people = people_of(p);

	(void)state;
	assert_int_equal(dw_people_role(&people, ALICE, DW_OWNER), ALICE);
	assert_int_equal(dw_people_role(&people, ALICE, DW_DEPUTY), BOB);
	assert_int_equal(dw_people_role(&people, ALICE, DW_MANAGER), CAROL);
	assert_int_equal(dw_people_role(&people, DAVE, DW_OWNER), DAVE);
	assert_int_equal(dw_people_role(&people, DAVE, DW_DEPUTY), ALICE);
	assert_int_equal(dw_people_role(&people, DAVE, DW_MANAGER), ALICE);
	people.default_deputy = CAROL;
	people.default_manager = BOB;
	assert_int_equal(dw_people_role(&people, DAVE, DW_DEPUTY), CAROL);
	assert_int_equal(dw_people_role(&people, DAVE, DW_MANAGER), BOB);
	assert_int_equal(dw_people_role(&people, ALICE, DW_DEPUTY), BOB);
	/* nobody the config knows: the default owner's people */
	assert_int_equal(dw_people_role(&people, -1, DW_OWNER), ALICE);
	assert_int_equal(dw_people_role(&people, PERSONS, DW_DEPUTY), BOB);
	assert_int_equal(dw_people_role(&people, 0, DW_ROLE_COUNT), ALICE);
}

static void freed(void **state)
{
	struct dw_people people = { .p = calloc(1, sizeof(struct dw_person)), .n = 1, .operators = malloc(sizeof(int)) };

	(void)state;
	assert_non_null(people.p);
	people.p[0].name = dw_strdup("x");
	people.p[0].alias = calloc(1, sizeof(char *));
	assert_non_null(people.p[0].alias);
	people.p[0].alias[0] = dw_strdup("y");
	people.p[0].n_alias = 1;
	dw_people_fini(&people);
	assert_int_equal(people.n, 0);
	dw_people_fini(&people);
}

static void pack_text(struct dw_pack *p, const char *key, const char *language, const char *line)
{
	struct dw_pack_text *t = &p->texts[p->n_texts++];

	*t = (struct dw_pack_text){ .key = dw_strdup(key), .language = dw_strdup(language), .line = calloc(1, sizeof(char *)), .n = 1 };
	assert_non_null(t->line);
	t->line[0] = dw_strdup(line);
}

static void packs(void **state)
{
	struct dw_pack p = { .name = dw_strdup("x"), .texts = calloc(2, sizeof(struct dw_pack_text)),
			     .columns = calloc(1, sizeof(struct dw_column)), .n_columns = 1,
			     .status = calloc(1, sizeof(struct dw_status_word)), .n_status = 1 };
	size_t n;

	(void)state;
	assert_true(p.texts && p.columns && p.status);
	p.columns[0].theirs = dw_strdup("订单编号");
	p.status[0].theirs = dw_strdup("待发货");
	pack_text(&p, "how_to_file", "en", "Open the order");
	pack_text(&p, "how_to_file", "zh-CN", "打开订单");
	assert_string_equal(dw_pack_text_find(&p, "how_to_file", "zh-CN", &n)[0], "打开订单");
	assert_int_equal(n, 1);
	assert_string_equal(dw_pack_text_find(&p, "how_to_file", "de", &n)[0], "Open the order");
	assert_string_equal(dw_pack_text_find(&p, "how_to_file", NULL, &n)[0], "Open the order");
	assert_null(dw_pack_text_find(&p, "buyer_text", "en", &n));
	assert_int_equal(n, 0);
	dw_pack_fini(&p);
	assert_null(p.name);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(finds), cmocka_unit_test(roles), cmocka_unit_test(serving),
					    cmocka_unit_test(freed), cmocka_unit_test(packs) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
