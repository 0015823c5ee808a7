#include "server/image/credentials.h"

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace gd::image {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kDockerHub = "docker.io";

// Docker's and NVIDIA's registries hand out tokens elsewhere, and enroot's files name that.
bool is_for(std::string_view machine, std::string_view registry) {
  if (machine == registry) return true;
  if (registry == kDockerHub) {
    return machine == "auth.docker.io" || machine == "index.docker.io" ||
           machine == "registry-1.docker.io";
  }
  return registry == "nvcr.io" && machine == "authn.nvidia.com";
}

// Its words, without comments.
std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (const std::string_view line : split(text, '\n')) {
    if (trim(line).starts_with('#')) continue;
    for (const std::string_view word : split_words(line)) words.push_back(word);
  }
  return words;
}

}  // namespace

std::string credentials_for(std::string_view auth_file, const std::string& registry) {
  const Json json = Json::parse(auth_file, nullptr, false);
  if (!json.is_object() || !json.contains("auths") || !json["auths"].is_object()) return {};
  Json kept = Json::object();
  for (const auto& [key, value] : json["auths"].items()) {
    std::string_view host = key;
    take_prefix(host, "https://");
    if (host.substr(0, host.find('/')) == registry ||
        (registry == kDockerHub && host.starts_with("index.docker.io"))) {
      kept[key] = value;
    }
  }
  return kept.empty() ? std::string() : Json{{"auths", kept}}.dump();
}

std::string credentials_from_netrc(std::string_view text, const std::string& registry) {
  const std::vector<std::string_view> words = words_of(text);
  bool meant = false;
  std::string_view login, password;
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == "machine") {
      if (meant && !login.empty() && !password.empty()) break;
      meant = is_for(words[++i], registry);
      login = password = {};
    } else if (words[i] == "login") {
      login = words[++i];
    } else if (words[i] == "password") {
      password = words[++i];
    }
  }
  const bool evaluated = password.starts_with("$(") || password.starts_with("`");
  if (!meant || login.empty() || password.empty() || evaluated) return {};
  const std::string both = to_base64(std::string(login) + ":" + std::string(password));
  // No exception for octets that are no text: base64 is.
  return Json{{"auths", {{registry, {{"auth", both}}}}}}.dump();
}

}  // namespace gd::image
