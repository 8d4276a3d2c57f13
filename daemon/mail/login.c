/* login.h */
#include "login.h"

#include "duewatch/config.h"

#include <sys/socket.h>
#include <unistd.h>

/* ---- who we are ---- */

static const char *ways_of(bool token, const char *mechanism)
{
	if (!token) /* else libcurl prefers GSSAPI and NTLM, which fail for a name with a domain and no ticket */
		return "AUTH=PLAIN;AUTH=LOGIN;AUTH=CRAM-MD5";
	if (!mechanism)
		return "AUTH=OAUTHBEARER;AUTH=XOAUTH2";
	return strcmp(mechanism, "XOAUTH2") == 0 ? "AUTH=XOAUTH2" : "AUTH=OAUTHBEARER";
}

int dw_login_init(struct dw_login *l, const char *username, const char *password,
		  int (*get_token)(void *ctx, const char *refused, char **out, struct dw_err *err), void *ctx, const char *mechanism,
		  struct dw_err *err)
{
	*l = (struct dw_login){ .get_token = get_token, .token_ctx = ctx, .ways = ways_of(get_token != NULL, mechanism) };
	if (get_token && dw_empty(username))
		return dw_err_set(err, -EINVAL, "a login by token needs the user's name");
	l->username = dw_strdup(dw_empty(username) ? NULL : username);
	l->password = dw_strdup(password ? password : "");
	if (!l->password || (!l->username && !dw_empty(username)) || dw_secrets_init(&l->secrets, username, password) < 0)
		return dw_err_oom(err);
	return 0;
}

void dw_login_fini(struct dw_login *l)
{
	if (l->password)
		explicit_bzero(l->password, strlen(l->password));
	free(l->password);
	dw_secret_free(l->token);
	free(l->username);
	dw_secrets_fini(&l->secrets);
	*l = (struct dw_login){ 0 };
}

CURLcode dw_login_set(const struct dw_login *l, CURL *curl)
{
	CURLcode rc = CURLE_OK;

	if (!l->username)
		return rc;
	rc = curl_easy_setopt(curl, CURLOPT_USERNAME, l->username);
	if (rc == CURLE_OK && !l->get_token)
		rc = curl_easy_setopt(curl, CURLOPT_PASSWORD, l->password);
	return rc == CURLE_OK ? curl_easy_setopt(curl, CURLOPT_LOGIN_OPTIONS, l->ways) : rc;
}

int dw_login_take(struct dw_login *l, CURL *curl, const char *host, const char *refused, struct dw_err *err)
{
	char *token = NULL;
	int r = l->get_token ? l->get_token(l->token_ctx, refused, &token, err) : 0;

	if (r < 0 || !token)
		return r;
	if (l->token && strcmp(l->token, token) == 0) {
		dw_secret_free(token);
		return refused ? 1 : 0;
	}
	dw_secrets_fini(&l->secrets);
	r = dw_secrets_of_token(&l->secrets, l->username, token, host);
	if (r == 0 && curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, token) != CURLE_OK)
		r = -ENOMEM;
	dw_secret_free(l->token);
	l->token = token;
	return r < 0 ? dw_err_oom(err) : 0;
}

/* ---- sockets ---- */

void dw_sockets_init(struct dw_sockets *s, const atomic_bool *aborted)
{
	s->aborted = aborted;
	pthread_mutex_init(&s->lock, NULL);
	for (size_t i = 0; i < DW_SOCKETS; i++)
		s->fd[i] = -1;
}

void dw_sockets_fini(struct dw_sockets *s)
{
	pthread_mutex_destroy(&s->lock);
}

static curl_socket_t on_open(void *user, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct dw_sockets *s = user;
	curl_socket_t fd = CURL_SOCKET_BAD;

	(void)purpose;
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < DW_SOCKETS && !atomic_load(s->aborted); i++) {
		if (s->fd[i] >= 0)
			continue;
		s->fd[i] = fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
		break;
	}
	pthread_mutex_unlock(&s->lock);
	return fd;
}

static int on_close(void *user, curl_socket_t fd)
{
	struct dw_sockets *s = user;
	int r;

	pthread_mutex_lock(&s->lock); /* the number must not come back as something else's while another thread shuts them */
	for (size_t i = 0; i < DW_SOCKETS; i++)
		if (s->fd[i] == fd)
			s->fd[i] = -1;
	r = close(fd);
	pthread_mutex_unlock(&s->lock);
	return r;
}

void dw_sockets_set(struct dw_sockets *s, CURL *curl)
{
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, s);
	curl_easy_setopt(curl, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	curl_easy_setopt(curl, CURLOPT_CLOSESOCKETDATA, s);
}

void dw_sockets_shut(struct dw_sockets *s, int how)
{
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < DW_SOCKETS; i++)
		if (s->fd[i] >= 0)
			shutdown(s->fd[i], how);
	pthread_mutex_unlock(&s->lock);
}
