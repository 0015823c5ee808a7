// What a user's own files say for one registry, as an auth file's text; empty: nothing. Pure.
#pragma once

#include <string>
#include <string_view>

namespace gd::image {

// Of a docker or podman auth file: what concerns this registry, and no more.
std::string credentials_for(std::string_view auth_file, const std::string& registry);

// Of a file as enroot's .credentials, in the manner of netrc: words "machine HOST login NAME
// password WORD", and comments from a # at a line's beginning. What enroot would have a shell
// evaluate, as in $(command), is taken for no password; "login $oauthtoken" is a name.
std::string credentials_from_netrc(std::string_view text, const std::string& registry);

}  // namespace gd::image
