// gd, linked statically: the commands as they are bound into every container, whose image may
// have another C library, an older one, or none at all.
//
// A static program must load nothing at run time. The C library would do so in one place: the
// name service, whose modules (sss, ldap, systemd) are the image's and fit the image's own C
// library. So users and groups are the container's /etc/passwd and /etc/group, where the job's
// user always stands, and host names come from /etc/hosts and DNS, which are built in.
#include <nss.h>

#include <string>
#include <vector>

#include "cmd/command.h"

int main(int argc, char** argv) {
  (void)__nss_configure_lookup("passwd", "files");
  (void)__nss_configure_lookup("group", "files");
  (void)__nss_configure_lookup("hosts", "files dns");
  (void)__nss_configure_lookup("services", "files");
  return gd::cmd::dispatch(std::vector<std::string>(argv, argv + argc));
}
