/* metrics_file and heartbeat_url: how others see that the watcher is well. */
#include "config-impl.h"

#include <strings.h>

#include "duewatch/heartbeat.h"

void conf_take_metrics_file(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	const char *t = conf_text_of(rd, s);

	if (t && t[strlen(t) - 1] == '/') {
		conf_say(rd, s, "this is a folder, allowed: %s", k->doc.allowed);
		return;
	}
	conf_take_path(rd, s, k, at);
	conf_warn_reach(rd, s, *(char **)at);
}

void conf_take_heartbeat_ca_file(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	struct dw_config *c = at;

	c->at_heartbeat_ca = conf_place(rd, s);
	conf_take_path(rd, s, k, &c->heartbeat_ca_file);
	conf_warn_reach(rd, s, c->heartbeat_ca_file);
}

/* The address itself isn't repeated: its path is a secret. */
void conf_take_heartbeat_url(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	const char *t = conf_text_of(rd, s);
	char host[DW_HEARTBEAT_HOST_SIZE];
	struct dw_err err = { "" };

	if (!t)
		return;
	if (dw_heartbeat_host(host, t, &err) < 0) {
		conf_say(rd, s, "%s, allowed: %s", err.text, k->doc.allowed);
		return;
	}
	if (strncasecmp(t, "http:", 5) == 0 && strncmp(host, "127.", 4) != 0 && strncmp(host, "localhost", 9) != 0)
		conf_warn(rd, s, "http:// goes over the network unencrypted: who listens can play the heartbeat");
	free(*(char **)at);
	*(char **)at = conf_dup(rd, t);
}
