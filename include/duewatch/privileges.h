/* Whose rights the programs work with: started as root, they go on as the owner of the state folder, so that nothing
 * in it ever belongs to root and no hostile file is parsed with root's rights (interface.md, Programs).
 *
 * The order matters: what only root may read is read before: the config (0640 root:duewatch) and, for a mail, the
 * relay's password (0600 root). Everything else (store, feeds, templates) is opened afterwards, with the same
 * rights as the service has, so that a file which the service can't read fails here too. */
#ifndef DUEWATCH_PRIVILEGES_H
#define DUEWATCH_PRIVILEGES_H

#include "duewatch/base.h"

/* First of all, before any thread: as root, who may stand in for somebody else (sudo -E, su), what the environment says
 * counts only where the programs read it themselves. Libraries would obey more: proxies, certificates, a file to write
 * TLS keys to (SSLKEYLOGFILE), folders for temporary files, modules to load. Not root: nothing happens. */
void dw_environment_trim(void);

/* Refuses (-EPERM) a dir that any user of this machine could have put in place: below a folder everybody may write to,
 * unless that is sticky and what stands in it is root's, ours or the service's. Then, not root: nothing. Root: becomes the
 * owner of dir, with the groups the user database gives them, for good; a folder that is root's own leaves us root. dir
 * doesn't exist yet: below /var/lib the user `duewatch` if there is one, else we stay. 0; < 0 with err: don't go on (half
 * of the rights may be gone). */
int dw_become_owner(const char *dir, struct dw_err *err);

/* For the daemon, before dw_become_owner: as root, makes a missing state folder (0700, its parents must exist) for
 * the user `duewatch` if there is one and it is below /var/lib, where that user could not make it. Not root, or it
 * exists: nothing. */
int dw_state_folder_make(const char *dir, struct dw_err *err);

#endif
