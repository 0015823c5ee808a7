// Prints what the table of gd.conf's keys says, for the build: the sample file with
// every key commented out at its default, or the manual page.
//
//   print_conf sample | man
//
// Not installed. The table is in proto/settings_schema.cc.
#include <cstdio>
#include <string>
#include <string_view>

#include "base/config.h"
#include "proto/settings.h"

namespace {

constexpr char kManHead[] = R"(.TH GD.CONF 5 "" "gd" "File formats"
.SH NAME
gd.conf \- configuration of gd
.SH SYNOPSIS
.I /etc/gd/gd.conf
.SH DESCRIPTION
One file for all machines of a cluster. Every key has a default, so an empty or missing file is a
working cluster of one machine. Commands and daemons read the file that
.B GD_CONF
names instead, if it is set;
.B \-\-config
of a daemon goes before both.
.PP
A line is
.RI \(dq key " = " value \(dq.
A
.RB \(dq # \(dq
at the start of a line or after a blank begins a comment; a backslash at the end joins the next
line; a value with such signs stands in double quotes. A header in brackets opens a section, such as
.BR "[partition long]" .
Errors name file and line, and the nearest known key;
.B gdctl reconfigure
applies a changed file without a restart, or refuses it and changes nothing.
)";

constexpr char kManTail[] = R"(.SH EXAMPLE
.nf
cluster = lab
controller = head.example.org
listen = *:6820

[partition short]
default = yes
max_time = 4:00:00

[partition long]
nodes = node[01\-08]
max_time = 7\-00:00:00
.fi
.SH SEE ALSO
.BR gdctld (8),
.BR gdnoded (8),
.BR gdctl (1)
)";

}  // namespace

int main(int argc, char** argv) {
  const std::string_view form = argc == 2 ? argv[1] : "";
  std::string text;
  if (form == "sample") text = gd::sample_settings();
  if (form == "man") text = kManHead + gd::man_config(gd::settings_schema()) + kManTail;
  if (text.empty()) {
    std::fputs("usage: print_conf sample|man\n", stderr);
    return 2;
  }
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : 1;
}
