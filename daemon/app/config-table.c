/* The config's keys, each in one place: what it is called, what may stand there, what holds without it, where it goes.
 * Reading, near matches, problems and the man page (dw_config_key) share this. Keys are read in this order. */
#include "config-impl.h"

#include <stddef.h>

#define DAYS(n) ((n) * DW_DAY)
#define KEY(sec, key_name, what, std, line) .doc = { .section = (sec), .name = (key_name), .allowed = (what), .standard = (std), .help = (line) }
#define AT(type, member) .at = offsetof(struct type, member)

static const char *const starttls_words[] = { "required", "off", NULL };
static const char *const calendar_words[] = { "on", "off", NULL };
static const char *const files_words[] = { "newest", "all", NULL };
static const char *const absent_words[] = { [DW_ABSENT_KEEP] = "keep", [DW_ABSENT_CLOSE] = "close", NULL };
static const char *const extension_words[] = { [DW_EXT_BY_SELLER] = "seller", [DW_EXT_BY_BUYER] = "buyer", [DW_EXT_BY_NOBODY] = "none", NULL };
static const char *const receipt_by_words[] = { [DW_RECEIPT_BY_UNKNOWN] = "unknown", [DW_RECEIPT_BY_SELLER] = "seller",
						[DW_RECEIPT_BY_BUYER] = "buyer", [DW_RECEIPT_BY_BOTH] = "both",
						[DW_RECEIPT_BY_NOBODY] = "none", NULL };
static const char *const payout_words[] = { [DW_PAYOUT_UNKNOWN] = "unknown", [DW_PAYOUT_RECEIPT] = "receipt",
					    [DW_PAYOUT_SHIPMENT] = "shipment", NULL };
static const char *const watch_words[] = { [DW_WATCH_ETA] = "eta", [DW_WATCH_ALWAYS] = "always", [DW_WATCH_OFF] = "off", NULL };

static const char *const mechanism_words[] = { [DW_OAUTH_ANY] = "any", [DW_OAUTH_XOAUTH2] = "xoauth2", [DW_OAUTH_OAUTHBEARER] = "oauthbearer", NULL };

/* into: the word's index, as a bool */
static void take_second(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	int word = *(bool *)at;

	conf_take_word(rd, s, k, &word);
	*(bool *)at = word == 1;
}

static void take_int64(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	conf_int_of(rd, s, k->min, k->max, at);
}

static void take_top_daily(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at DW_UNUSED)
{
	conf_daily_of(rd, s, &rd->daily_minute);
}

static void take_top_mails(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at DW_UNUSED)
{
	conf_take_int(rd, s, k, &rd->mails_per_day);
}

static void take_state(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	struct dw_config *c = at;

	c->at_state = conf_place(rd, s);
	conf_take_path(rd, s, k, &c->state);
	conf_warn_reach(rd, s, c->state);
}

#define ZONE_WHAT "a time zone in quotes, like \"Asia/Shanghai\" or \"America/Los_Angeles\""
#define LANGUAGE_WHAT "\"en\" or \"zh-CN\""
#define DAILY_WHAT "a time of day from \"00:00\" to \"23:59\", or \"off\""
#define MAILS_WHAT "0 (no limit) to 1000"
#define PERSON_WHAT "the name of a person in people"
#define TEXT_WHAT "{ en = …; zh_CN = …; }, each a text or a list of texts"

static const struct conf_key root_keys[] = {
	{ KEY("", "timezone", ZONE_WHAT, "\"UTC\"", "The people's zone; a person may have their own."),
	  .take = conf_take_zone, AT(dw_config, zone) },
	{ KEY("", "language", LANGUAGE_WHAT, "\"en\"", "The language of mails; a person may have their own."),
	  .take = conf_take_language, AT(dw_config, language) },
	{ KEY("", "state", "a folder", "\"/var/lib/duewatch\"", "Where duewatch.db lives."), .take = take_state },
	{ KEY("", "daily_at", DAILY_WHAT, "\"08:30\"", "When the daily mail goes out, in the reader's zone; \"off\": everything at once."),
	  .take = take_top_daily },
	{ KEY("", "working_days", "a list of \"mon\" \"tue\" \"wed\" \"thu\" \"fri\" \"sat\" \"sun\"", "monday to friday",
	      "The days with a daily mail."),
	  .take = conf_take_working_days, AT(dw_config, people.working_days) },
	{ KEY("", "mails_per_day", MAILS_WHAT, "0", "Mails a person gets on a day; beyond them what can wait comes with the next one."),
	  .take = take_top_mails, .max = 1000 },
	{ KEY("", "holidays", "a list of \"2027-02-06\" or \"2027-02-06..2027-02-12\"", "none", "Everybody's days off: no daily mail, and no working time."),
	  .take = conf_take_holidays, AT(dw_config, holidays) },
	{ KEY("", "calendar", "a file, an \"https://…\" address, or a list of these", "none",
	      "iCalendar data whose all-day events are everybody's days off."),
	  .take = conf_take_calendar, AT(dw_config, path) },
	{ KEY("", "calendar_ca_file", "a file of certificates (PEM)", "the system's", "Whom to trust for TLS at a calendar's address, and nobody else."),
	  .take = conf_take_calendar_ca_file },
	{ KEY("", "people", "a list of groups, see people", NULL, "Everybody who may get a mail or own an order."),
	  .take = conf_take_people, AT(dw_config, people), .required = true },
	{ KEY("", "default_owner", PERSON_WHAT, NULL, "Who owns orders without a known owner, and stands in for every role nobody has."),
	  .take = conf_take_person, AT(dw_config, people.default_owner), .required = true },
	{ KEY("", "default_deputy", PERSON_WHAT, "nobody: default_owner", "The deputy of people without one."),
	  .take = conf_take_person, AT(dw_config, people.default_deputy) },
	{ KEY("", "default_manager", PERSON_WHAT, "nobody: default_owner", "The manager of people without one."),
	  .take = conf_take_person, AT(dw_config, people.default_manager) },
	{ KEY("", "operators", "a list of names from people", "default_owner", "Who hears of feeds, relays and the clock."),
	  .take = conf_take_operators, AT(dw_config, people) },
	{ KEY("", "transit_days", "( (\"sea\", 35), (\"express\", 7) ), days from 1 to 365", "none",
	      "Days a transport usually takes: an arrival date where the feed has none."),
	  .take = conf_take_transit_days, AT(dw_config, transit_days), .min = 1, .max = 365 },
	{ KEY("", "mail", "a group, see mail", NULL, "How mails leave."), .take = conf_take_mail, AT(dw_config, mail), .required = true },
	{ KEY("", "replies", "a group, see replies", "none: answers to mails are not read", "Where answers to our mails, and bounces, arrive."),
	  .take = conf_take_replies, AT(dw_config, replies) },
	{ KEY("", "ladders", "a list of groups, see ladders", "the built-in ladders", "Replaces the built-in ladder of a kind of alert."),
	  .take = conf_take_ladders, AT(dw_config, ladder) },
	{ KEY("", "metrics_file", "a file, like \"/var/lib/prometheus/node-exporter/duewatch.prom\"", "none",
	      "Metrics for Prometheus, for node_exporter's textfile collector; its folder must be the service's to write."),
	  .take = conf_take_metrics_file, AT(dw_config, metrics_file) },
	{ KEY("", "heartbeat_url", "\"https://host/path\" or \"http://host/path\"", "none",
	      "Called after each whole cycle: where the calls stop, the watcher itself is in trouble."),
	  .take = conf_take_heartbeat_url, AT(dw_config, heartbeat_url) },
	{ KEY("", "heartbeat_ca_file", "a file of certificates (PEM)", "the system's", "Whom to trust for TLS at heartbeat_url, and nobody else."),
	  .take = conf_take_heartbeat_ca_file },
	{ KEY("", "heartbeat_every", "a duration from 1m to 1d, in quotes", "\"5m\"", "How often heartbeat_url is called."),
	  .take = conf_take_duration, AT(dw_config, heartbeat_every), .min = 60, .max = DAYS(1) },
	{ KEY("", "packs", "a list of groups, see packs", "the shipped packs", "Overrides single keys of a rule pack, or makes a new one.") },
	{ KEY("", "feeds", "a list of groups, see feeds", NULL, "Where orders come from.") },
};

#define RELAY_WHAT "\"smtps://host:465\", \"smtp://host:587\" or \"maildir:///folder\""

static const struct conf_key mail_keys[] = {
	{ KEY("mail", "transport", RELAY_WHAT, NULL, "The relay; smtp:// requires STARTTLS unless starttls = \"off\"."),
	  .take = conf_take_transport, .required = true },
	{ KEY("mail", "starttls", "\"required\" or \"off\"", "\"required\"", "Whether smtp:// may go unencrypted."), .take = take_second,
	  AT(dw_mail_conf, starttls_off), .words = starttls_words },
	{ KEY("mail", "from", "\"Duewatch <duewatch@example.com>\" or the bare address", NULL, "The sender of every mail."),
	  .take = conf_take_from, .required = true },
	{ KEY("mail", "username", "a text", "no login", "The login at the relay."), .take = conf_take_text, AT(dw_mail_conf, username), .max = 255 },
	{ KEY("mail", "password_file", "a file only its owner and group can read", "none",
	      "Holds the password; relative: below $CREDENTIALS_DIRECTORY if it is there, else beside the config."),
	  .take = conf_take_password_file },
	{ KEY("mail", "oauth", "a group, see oauth", "none", "A login by OAuth 2 instead of a password."), .take = conf_take_oauth,
	  AT(dw_mail_conf, oauth) },
	{ KEY("mail", "ca_file", "a file of certificates (PEM)", "the system's", "Whom to trust for TLS at the relay, and nobody else."),
	  .take = conf_take_ca_file },
	{ KEY("mail", "rate", "\"N/s\", \"N/m\" or \"N/h\" with N from 1 to 100000, like \"60/m\"", "no limit", "Never faster than the relay allows."),
	  .take = conf_take_rate },
	{ KEY("mail", "connections", "1 to 16", "4", "Connections to the relay at the same time, at most."), .take = conf_take_int,
	  AT(dw_mail_conf, connections), .min = 1, .max = 16 },
	{ KEY("mail", "fallback", "a list of groups, see mail.fallback", "none",
	      "Relays for when this one is ill, in order; back to the first as soon as it works again."),
	  .take = conf_take_fallback },
};

static const struct conf_key fallback_keys[] = {
	{ KEY("mail.fallback", "transport", "\"smtps://host:465\" or \"smtp://host:587\"", NULL, "The relay; as in mail."),
	  .take = conf_take_transport, .required = true },
	{ KEY("mail.fallback", "starttls", "\"required\" or \"off\"", "\"required\"", "Whether smtp:// may go unencrypted."),
	  .take = take_second, AT(dw_mail_conf, starttls_off), .words = starttls_words },
	{ KEY("mail.fallback", "username", "a text", "no login", "The login at this relay."), .take = conf_take_text,
	  AT(dw_mail_conf, username), .max = 255 },
	{ KEY("mail.fallback", "password_file", "a file only its owner and group can read", "none", "Holds this relay's password; as in mail."),
	  .take = conf_take_password_file },
	{ KEY("mail.fallback", "oauth", "a group, see oauth", "none", "A login by OAuth 2 instead of a password."),
	  .take = conf_take_oauth, AT(dw_mail_conf, oauth) },
	{ KEY("mail.fallback", "ca_file", "a file of certificates (PEM)", "the system's", "Whom to trust for TLS at this relay, and nobody else."),
	  .take = conf_take_ca_file },
	{ KEY("mail.fallback", "rate", "\"N/s\", \"N/m\" or \"N/h\" with N from 1 to 100000, like \"60/m\"", "no limit",
	      "Never faster than this relay allows."),
	  .take = conf_take_rate },
	{ KEY("mail.fallback", "connections", "1 to 16", "4", "Connections to this relay at the same time, at most."), .take = conf_take_int,
	  AT(dw_mail_conf, connections), .min = 1, .max = 16 },
};

#define URL_WHAT "\"https://host/path\", or \"http://127.0.0.1:port/path\" on this machine"

static const struct conf_key oauth_keys[] = {
	{ KEY("oauth", "provider", "\"google\", \"microsoft\" or \"none\"", "\"none\"", "Whose addresses and scopes hold where none are given."),
	  .take = conf_take_provider, AT(dw_oauth_conf, provider) },
	{ KEY("oauth", "client_id", "a text", NULL, "What the provider calls the application registered there."), .take = conf_take_text,
	  AT(dw_oauth_conf, client_id), .max = 255, .required = true },
	{ KEY("oauth", "client_secret_file", "a file only its owner and group can read", "none",
	      "Holds the application's secret, where it has one; relative as password_file."),
	  .take = conf_take_client_secret_file },
	{ KEY("oauth", "refresh_token_file", "a file only its owner and group can read", "what duewatch authorize stored",
	      "A refresh token from elsewhere; only read: a newer one is kept in the state folder."),
	  .take = conf_take_refresh_token_file },
	{ KEY("oauth", "tenant", "a directory's id or domain, or \"common\"", "\"common\"", "Microsoft's, part of its addresses."),
	  .take = conf_take_tenant, AT(dw_oauth_conf, tenant) },
	{ KEY("oauth", "token_url", URL_WHAT, "the provider's", "Where refresh tokens are turned into access tokens."),
	  .take = conf_take_oauth_url, AT(dw_oauth_conf, token_url) },
	{ KEY("oauth", "authorize_url", URL_WHAT, "the provider's", "Where a person grants access, for duewatch authorize."),
	  .take = conf_take_oauth_url, AT(dw_oauth_conf, authorize_url), .min = 1 },
	{ KEY("oauth", "device_url", URL_WHAT, "the provider's", "Where a device login begins, for duewatch authorize --device."),
	  .take = conf_take_oauth_url, AT(dw_oauth_conf, device_url) },
	{ KEY("oauth", "scope", "a text", "the provider's for mail", "What access is asked for."), .take = conf_take_text,
	  AT(dw_oauth_conf, scope), .max = 900 },
	{ KEY("oauth", "mechanism", "\"any\", \"xoauth2\" or \"oauthbearer\"", "\"any\"", "How the token is handed to the mail server; any: as it offers."),
	  .take = conf_take_word, AT(dw_oauth_conf, mechanism), .words = mechanism_words },
	{ KEY("oauth", "ca_file", "a file of certificates (PEM)", "the system's", "Whom to trust for TLS at these addresses, and nobody else."),
	  .take = conf_take_oauth_ca_file },
};

static const struct conf_key replies_keys[] = {
	{ KEY("replies", "mailbox", "\"imaps://host/INBOX\" or \"imap://host/INBOX\"", NULL,
	      "The mailbox; it is only read. imap:// requires STARTTLS unless starttls = \"off\"."),
	  .take = conf_take_mailbox, .required = true },
	{ KEY("replies", "starttls", "\"required\" or \"off\"", "\"required\"", "Whether imap:// may go unencrypted."), .take = take_second,
	  AT(dw_replies_conf, starttls_off), .words = starttls_words },
	{ KEY("replies", "username", "a text", NULL, "The login at the mailbox."), .take = conf_take_text,
	  AT(dw_replies_conf, username), .max = 255, .required = true },
	{ KEY("replies", "password_file", "a file only its owner and group can read", "none",
	      "Holds the password; relative: below $CREDENTIALS_DIRECTORY if it is there, else beside the config."),
	  .take = conf_take_replies_password },
	{ KEY("replies", "oauth", "a group, see oauth", "none", "A login by OAuth 2 instead of a password."),
	  .take = conf_take_oauth, AT(dw_replies_conf, oauth) },
	{ KEY("replies", "ca_file", "a file of certificates (PEM)", "the system's", "Whom to trust for TLS there, and nobody else."),
	  .take = conf_take_replies_ca },
	{ KEY("replies", "every", "a duration from 1s to 1d, in quotes", "\"1m\"", "How often to look."), .take = conf_take_duration,
	  AT(dw_replies_conf, every), .min = 1, .max = DAYS(1) },
	{ KEY("replies", "address", "a bare address", "that of mail.from", "What people answer to; its mails arrive in the mailbox."),
	  .take = conf_take_replies_address, AT(dw_replies_conf, address) },
	{ KEY("replies", "authserv", "a server's name, like \"mx.example.com\"", "none: only links with a token are obeyed",
	      "The server whose Authentication-Results tell a true sender from a forged one."),
	  .take = conf_take_authserv, AT(dw_replies_conf, authserv) },
	{ KEY("replies", "token_days", "1 to 90", "30", "For how many days a mail can be answered."), .take = take_int64,
	  AT(dw_replies_conf, token_days), .min = 1, .max = 90 },
	{ KEY("replies", "bounces", "true or false", "true", "Whether each mail has an envelope sender of its own (address+…), so that a bounce tells whose address is dead."),
	  .take = conf_take_bool, AT(dw_replies_conf, bounces) },
};

static const struct conf_key person_keys[] = {
	{ KEY("people", "name", "a text, each once", NULL, "What the person is called in here, on the command line and in feeds."),
	  .take = conf_take_person_name, AT(dw_person, name), .required = true },
	{ KEY("people", "email", "a bare address", NULL, "Where the person's mails go."), .take = conf_take_email, AT(dw_person, email),
	  .required = true },
	{ KEY("people", "aliases", "a list of texts", "none", "Other names a feed's owner column has for the person."),
	  .take = conf_take_aliases },
	{ KEY("people", "deputy", PERSON_WHAT, "default_deputy", "Who stands in.") },
	{ KEY("people", "manager", PERSON_WHAT, "default_manager", "Who hears when it gets serious.") },
	{ KEY("people", "language", LANGUAGE_WHAT, "the config's", "The language of the person's mails."), .take = conf_take_language,
	  AT(dw_person, language) },
	{ KEY("people", "timezone", ZONE_WHAT, "the config's", "The person's zone: of the daily mail and of times in mails."),
	  .take = conf_take_zone, AT(dw_person, zone) },
	{ KEY("people", "daily_at", DAILY_WHAT, "the config's", "When the person's daily mail goes out; \"off\": everything at once."),
	  .take = conf_take_daily, AT(dw_person, daily_minute) },
	{ KEY("people", "calendar_part", "\"on\" or \"off\"", "\"on\"", "Whether the person's mails bring their deadlines as calendar entries."),
	  .take = take_second, AT(dw_person, no_calendar), .words = calendar_words },
	{ KEY("people", "mails_per_day", MAILS_WHAT, "the config's", "Mails the person gets on a day; beyond them what can wait comes with the next one."),
	  .take = conf_take_int, AT(dw_person, mails_per_day), .max = 1000 },
	{ KEY("people", "hours", "\"09:00-18:00\", or a list of up to 4 such", "none: urgent steps come when they are due",
	      "The person's working time: urgent steps due outside it come earlier, at its last moment before."),
	  .take = conf_take_hours, AT(dw_person, hours) },
	{ KEY("people", "working_days", "a list of \"mon\" \"tue\" \"wed\" \"thu\" \"fri\" \"sat\" \"sun\"", "the config's",
	      "The person's days with working time and a daily mail."),
	  .take = conf_take_working_days, AT(dw_person, working_days) },
	{ KEY("people", "holidays", "a list of \"2027-02-06\" or \"2027-02-06..2027-02-12\"", "none", "The person's days off, besides everybody's."),
	  .take = conf_take_holidays, AT(dw_person, holidays) },
	{ KEY("people", "calendar", "a file, an \"https://…\" address, or a list of these", "none",
	      "iCalendar data whose all-day events are the person's days off, besides everybody's."),
	  .take = conf_take_own_calendar },
};

static const struct conf_key feed_keys[] = {
	{ KEY("feeds", "name", "up to 64 letters, digits and - _ . without blanks or /, each once", NULL, "What the feed is called."),
	  .take = conf_take_feed_name, AT(dw_feed_conf, name), .required = true },
	{ KEY("feeds", "type", "\"csv\" or \"xlsx\"", NULL, "What kind of file it is."), .take = conf_take_feed_type,
	  AT(dw_feed_conf, type), .required = true },
	{ KEY("feeds", "path", "a file or folder", NULL, "Where it is; of a folder the newest file counts, or all of them."),
	  .take = conf_take_feed_path, .required = true },
	{ KEY("feeds", "files", "\"newest\" or \"all\"", "\"newest\"", "Whether a folder's newest file counts, or all its files together."),
	  .take = take_second, AT(dw_feed_conf, all_files), .words = files_words },
	{ KEY("feeds", "platform", "the name of a rule pack", "\"generic\"", "The rule pack of its orders."), .take = conf_take_platform },
	{ KEY("feeds", "timezone", ZONE_WHAT, "the pack's, else the config's", "The zone of times written without one."),
	  .take = conf_take_zone, AT(dw_feed_conf, zone) },
	{ KEY("feeds", "every", "a duration from 1s to 7d, in quotes", "\"10m\"", "How often to look; a file that changes is read at once anyway."),
	  .take = conf_take_duration, AT(dw_feed_conf, every), .min = 1, .max = DAYS(7) },
	{ KEY("feeds", "stale_after", "a duration from 1m to 400d, in quotes", "\"26h\"", "When its data counts as too old to rely on."),
	  .take = conf_take_duration, AT(dw_feed_conf, stale_after), .min = 60, .max = DAYS(400) },
	{ KEY("feeds", "absent", "\"keep\" or \"close\"", "\"keep\"", "What becomes of orders no longer listed; \"close\": for a list of open orders."),
	  .take = conf_take_word, AT(dw_feed_conf, absent), .words = absent_words },
	{ KEY("feeds", "overlay", "true or false", "false", "It only adds to the orders of other feeds, like the factory's plan."),
	  .take = conf_take_bool, AT(dw_feed_conf, overlay) },
	{ KEY("feeds", "of", "a list of feeds' names", "all feeds with orders", "Which feeds an overlay adds to.") },
	{ KEY("feeds", "encoding", "an encoding, like \"utf-8\" or \"gb18030\"", "detected", "How a CSV file's letters are written."),
	  .take = conf_take_encoding, AT(dw_feed_conf, encoding) },
	{ KEY("feeds", "delimiter", "one character, like \",\" or \";\", or \"tab\"", "the likeliest of , ; tab |", "What parts a CSV file's columns."),
	  .take = conf_take_delimiter, AT(dw_feed_conf, delimiter) },
	{ KEY("feeds", "sheet", "the name of a sheet", "the first", "Which sheet of an XLSX file."), .take = conf_take_text,
	  AT(dw_feed_conf, sheet), .max = 200 },
	{ KEY("feeds", "columns", "( (\"our field\", \"header in the file\"), … )", "the pack's",
	      "Which header is which field; adds to the pack's. A third text (\"ms\" \"s\" \"m\" \"h\" \"d\") marks time left."),
	  .take = conf_take_feed_columns },
	{ KEY("feeds", "status", "( (\"word in the file\", \"our status\"), … )", "the pack's", "Which word is which status; adds to the pack's."),
	  .take = conf_take_feed_status },
	{ KEY("feeds", "defaults", "{ field = \"value\"; … }", "none", "Values for fields the file doesn't give, like owner and transport.") },
};

static const struct conf_key ladder_keys[] = {
	{ KEY("ladders", "kind", "a kind of alert", NULL, "Which kind's ladder this is."), .required = true },
	{ KEY("ladders", "steps", "a list of \"WHEN[!]: PERSONS\", like \"1d!: owner deputy\"", NULL,
	      "Who hears when: found, 7d (before), due, +1d (after), every 7d; ! is urgent; owner, deputy, manager. Empty: never."),
	  .required = true },
};

static const struct conf_key pack_keys[] = {
	{ KEY("packs", "name", "1 to 64 of a-z A-Z 0-9 _ . -", NULL, "Which pack this is or changes.") },
	{ KEY("packs", "base", "the name of another pack", "\"generic\"", "The pack whose values hold where this one has none.") },
	{ KEY("packs", "timezone", ZONE_WHAT, "the base's, else the config's", "In which a date on the platform ends."),
	  .take = conf_take_pack_zone },
	{ KEY("packs", "extension", "\"seller\", \"buyer\" or \"none\"", "the base's", "Who moves the ship date on the platform."),
	  .take = conf_take_word, AT(dw_pack, extension), .words = extension_words },
	{ KEY("packs", "buyer_answer", "0 to 60", "the base's", "Working days a buyer needs to confirm."), .take = conf_take_int,
	  AT(dw_pack, buyer_answer), .min = 0, .max = 60 },
	{ KEY("packs", "holidays", "a list of \"2027-02-06\" or \"2027-02-06..2027-02-12\"", "the base's", "Days on which nobody answers."),
	  .take = conf_take_holidays, AT(dw_pack, holidays) },
	{ KEY("packs", "auto_confirm", "( (\"sea\", [45, 60]), … ), days from 1 to 400, shortest first", "the base's",
	      "Days after shipment when the platform confirms receipt; only the transports named change."),
	  .take = conf_take_auto_confirm, AT(dw_pack, auto_confirm) },
	{ KEY("packs", "receipt_extension", "a duration in whole days from 0d to 90d, in quotes", "the base's", "What one receipt extension adds."),
	  .take = conf_take_days, AT(dw_pack, receipt_extension), .max = DAYS(90) },
	{ KEY("packs", "receipt_watch", "\"eta\", \"always\" or \"off\"", "the base's", "When to watch the platform's receipt timer."),
	  .take = conf_take_word, AT(dw_pack, receipt_watch), .words = watch_words },
	{ KEY("packs", "claim_days", "0 to 400", "the base's", "Days after receipt in which a buyer can claim."), .take = conf_take_int,
	  AT(dw_pack, claim_days), .min = 0, .max = 400 },
	{ KEY("packs", "dispute_talk", "a duration from 1h to 60d, in quotes", "the base's", "Time to settle a dispute before the platform steps in."),
	  .take = conf_take_duration, AT(dw_pack, dispute_talk), .min = 3600, .max = DAYS(60) },
	{ KEY("packs", "margin_days", "0 to 60", "the base's", "Days added to the real ship date for the date we propose."),
	  .take = conf_take_int, AT(dw_pack, margin_days), .min = 0, .max = 60 },
	{ KEY("packs", "max_extension_days", "0 to 1000", "0: not known", "Most days the platform gives in all."), .take = conf_take_int,
	  AT(dw_pack, max_extension_days), .min = 0, .max = 1000 },
	{ KEY("packs", "receipt_by", "\"seller\", \"buyer\", \"both\", \"none\" or \"unknown\"", "the base's", "Who may extend the receiving time."),
	  .take = conf_take_word, AT(dw_pack, receipt_by), .words = receipt_by_words },
	{ KEY("packs", "receipt_seller_times", "0 to 100", "0: not known", "How often the seller may extend the receiving time."),
	  .take = conf_take_int, AT(dw_pack, receipt_seller_times), .min = 0, .max = 100 },
	{ KEY("packs", "receipt_buyer_times", "0 to 100", "0: not known", "How often the buyer may extend the receiving time."),
	  .take = conf_take_int, AT(dw_pack, receipt_buyer_times), .min = 0, .max = 100 },
	{ KEY("packs", "payout", "\"receipt\", \"shipment\" or \"unknown\"", "the base's", "After what the platform pays the seller out."),
	  .take = conf_take_word, AT(dw_pack, payout), .words = payout_words },
	{ KEY("packs", "dispute_call_day", "0 to 365", "0: not known", "The day of a dispute from which either side may call the platform."),
	  .take = conf_take_int, AT(dw_pack, dispute_call_day), .min = 0, .max = 365 },
	{ KEY("packs", "dispute_auto_day", "0 to 365", "0: not known", "The day of a dispute on which it goes to the platform by itself."),
	  .take = conf_take_int, AT(dw_pack, dispute_auto_day), .min = 0, .max = 365 },
	{ KEY("packs", "order_url", "an address with {{order_id}}", "none", "The order's page on the platform."), .take = conf_take_text,
	  AT(dw_pack, order_url), .max = 500 },
	{ KEY("packs", "columns", "( (\"our field\", \"header in the file\"), … )", "the base's", "Which header is which field; goes before the base's."),
	  .take = conf_take_pack_columns },
	{ KEY("packs", "status", "( (\"word in the file\", \"our status\"), … )", "the base's", "Which word is which status; goes before the base's."),
	  .take = conf_take_pack_status },
	{ KEY("packs", "export_notes", TEXT_WHAT, "the base's", "How to get the file out of the platform."), .take = conf_take_pack_text },
	{ KEY("packs", "how_to_file", TEXT_WHAT, "the base's", "Steps: how to file a later ship date."), .take = conf_take_pack_text },
	{ KEY("packs", "how_to_file_receipt", TEXT_WHAT, "the base's", "Steps: how to extend the receiving time."), .take = conf_take_pack_text },
	{ KEY("packs", "how_to_edit", TEXT_WHAT, "the base's", "Steps: how to change the date before payment."), .take = conf_take_pack_text },
	{ KEY("packs", "how_to_answer_dispute", TEXT_WHAT, "the base's", "Steps: how to answer a dispute."), .take = conf_take_pack_text },
	{ KEY("packs", "warnings", TEXT_WHAT, "the base's", "What not to do."), .take = conf_take_pack_text },
	{ KEY("packs", "who_confirms", TEXT_WHAT, "the base's", "Who must confirm a later date."), .take = conf_take_pack_text },
	{ KEY("packs", "cannot_change", TEXT_WHAT, "the base's", "Which orders can't be changed at all."), .take = conf_take_pack_text },
	{ KEY("packs", "otherwise", TEXT_WHAT, "the base's", "What happens if nothing is filed."), .take = conf_take_pack_text },
	{ KEY("packs", "otherwise_receipt", TEXT_WHAT, "the base's", "What happens if the receipt timer runs out."), .take = conf_take_pack_text },
	{ KEY("packs", "buyer_text", TEXT_WHAT, "the base's", "A text for the buyer to confirm a later date."), .take = conf_take_pack_text },
	{ KEY("packs", "buyer_text_receipt", TEXT_WHAT, "the base's", "A text for the buyer to extend the receiving time."),
	  .take = conf_take_pack_text },
};

#define SECTION(keys) { keys, DW_COUNT(keys) }
const struct conf_section conf_root_section = SECTION(root_keys), conf_mail_section = SECTION(mail_keys),
			  conf_fallback_section = SECTION(fallback_keys), conf_oauth_section = SECTION(oauth_keys),
			  conf_replies_section = SECTION(replies_keys),
			  conf_person_section = SECTION(person_keys), conf_feed_section = SECTION(feed_keys),
			  conf_ladder_section = SECTION(ladder_keys), conf_pack_section = SECTION(pack_keys);

const struct dw_config_key *dw_config_key(size_t i)
{
	const struct conf_section *all[] = { &conf_root_section, &conf_mail_section, &conf_fallback_section, &conf_oauth_section,
					     &conf_person_section, &conf_feed_section, &conf_ladder_section, &conf_pack_section,
					     &conf_replies_section };

	for (size_t k = 0; k < DW_COUNT(all); k++) {
		if (i < all[k]->n)
			return &all[k]->key[i].doc;
		i -= all[k]->n;
	}
	return NULL;
}
