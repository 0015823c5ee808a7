#include "base/image_name.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>

#include "base/text.h"

namespace gd {
namespace {

constexpr std::string_view kDefaultRegistry = "docker.io";

Error malformed(std::string_view text, std::string_view why) {
  return Error{ErrorCode::invalid, "image '" + printable(text) + "' " + std::string(why)};
}

bool all_of(std::string_view text, bool (*fits)(char)) {
  return std::ranges::all_of(text, fits);
}
bool is_lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool is_name_char(char c) {
  return is_lower_or_digit(c) || c == '.' || c == '_' || c == '-';
}
bool is_word_char(char c) {
  return is_name_char(c) || (c >= 'A' && c <= 'Z');
}
bool is_registry_char(char c) {
  return is_word_char(c) || c == ':' || c == '[' || c == ']';
}

bool is_tag(std::string_view text) {
  return !text.empty() && text.size() <= 128 && all_of(text, is_word_char) && text[0] != '.' &&
         text[0] != '-';
}

bool is_registry(std::string_view text) {
  return text == "localhost" || text.find('.') != std::string_view::npos ||
         text.find(':') != std::string_view::npos;
}

bool is_repository(std::string_view text) {
  return std::ranges::all_of(split(text, '/'), [](std::string_view part) {
    return !part.empty() && all_of(part, is_name_char) && is_lower_or_digit(part.front()) &&
           is_lower_or_digit(part.back());
  });
}

// No "..", ".", empty parts: two spellings of one path would be two images.
bool is_plain_path(std::string_view path) {
  if (!path.starts_with('/') || path.size() < 2) return false;
  return std::ranges::all_of(split(path.substr(1), '/'), [](std::string_view part) {
    return !part.empty() && part != "." && part != ".." &&
           std::ranges::none_of(part, [](char c) { return static_cast<uint8_t>(c) < ' '; });
  });
}

Result<ImageName> parse_file(std::string_view text, ImageSource source, std::string_view rest) {
  ImageName name{.source = source};
  const size_t colon = rest.rfind(':');
  if (colon != std::string_view::npos && rest.find('/', colon) == std::string_view::npos) {
    name.tag = rest.substr(colon + 1);
    if (!is_tag(name.tag)) return malformed(text, "has no tag after its last ':'");
    rest = rest.substr(0, colon);
  }
  if (!is_plain_path(rest)) {
    return malformed(text, "needs an absolute path without '.', '..' and empty parts");
  }
  name.path = rest;
  return name;
}

Result<ImageName> parse_registry(std::string_view text, std::string_view rest) {
  ImageName name{.source = ImageSource::registry};
  if (const size_t at = rest.find('@'); at != std::string_view::npos) {
    name.digest = rest.substr(at + 1);
    if (!is_sha256(name.digest)) return malformed(text, "has no sha256:<64 hex digits> after '@'");
    rest = rest.substr(0, at);
  }
  std::optional<std::string_view> registry;
  if (const size_t hash = rest.find('#'); hash != std::string_view::npos) {
    registry = rest.substr(0, hash);
    rest = rest.substr(hash + 1);
  } else if (const size_t slash = rest.find('/');
             slash != std::string_view::npos && is_registry(rest.substr(0, slash))) {
    registry = rest.substr(0, slash);
    rest = rest.substr(slash + 1);
  }
  name.registry = registry.value_or(kDefaultRegistry);
  if (name.registry.empty() || !all_of(name.registry, is_registry_char) ||
      name.registry[0] == '-' || name.registry[0] == '.') {
    return malformed(text, "names no registry host");
  }
  if (const size_t colon = rest.rfind(':'); colon != std::string_view::npos) {
    name.tag = rest.substr(colon + 1);
    if (!is_tag(name.tag)) return malformed(text, "has a tag that is not letters, digits, . _ -");
    rest = rest.substr(0, colon);
  }
  if (!is_repository(rest)) {
    return malformed(text, "is neither host, an absolute path, nor [REGISTRY/]NAME[:TAG]");
  }
  const bool bare = rest.find('/') == std::string_view::npos;
  name.repository =
      (name.registry == kDefaultRegistry && bare ? "library/" : "") + std::string(rest);
  if (name.tag.empty() && name.digest.empty()) name.tag = "latest";
  return name;
}

constexpr std::array<std::pair<std::string_view, ImageSource>, 3> kFilePrefixes = {{
    {"oci:", ImageSource::oci},
    {"oci-archive:", ImageSource::oci_archive},
    {"docker-archive:", ImageSource::docker_archive},
}};

constexpr std::array<std::pair<std::string_view, ImageSource>, 3> kFileSystemPrefixes = {{
    {"squashfs:", ImageSource::squashfs},
    {"sif:", ImageSource::sif},
    {"erofs:", ImageSource::erofs},
}};

constexpr std::array<std::pair<std::string_view, ImageSource>, 6> kSuffixes = {{
    {".sqsh", ImageSource::squashfs},
    {".sqfs", ImageSource::squashfs},
    {".sfs", ImageSource::squashfs},
    {".squashfs", ImageSource::squashfs},
    {".sif", ImageSource::sif},
    {".erofs", ImageSource::erofs},
}};

Result<ImageName> parse_file_system(std::string_view text, ImageSource source,
                                    std::string_view path) {
  if (is_plain_path(path)) return ImageName{.source = source, .path = std::string(path)};
  return malformed(text, "needs an absolute path without '.', '..' and empty parts");
}

}  // namespace

bool is_stored(const ImageName& name) {
  return name.source != ImageSource::host && name.source != ImageSource::directory;
}

bool is_among(const std::vector<std::string>& patterns, const ImageName& name,
              const std::string& digest) {
  const std::string text = render(name);
  return std::ranges::any_of(patterns, [&](const std::string& pattern) {
    if (is_sha256(pattern)) return pattern == name.digest || pattern == digest;
    return glob_match(pattern, text);
  });
}

bool is_file_system(ImageSource source) {
  return std::ranges::any_of(kFileSystemPrefixes,
                             [source](const auto& each) { return each.second == source; });
}

std::string absolute_image_name(std::string_view text, const std::string& folder) {
  const auto absolute = [&folder](std::string_view path) {
    return std::filesystem::path(folder + "/" + std::string(path)).lexically_normal().string();
  };
  if (text.starts_with('.')) return absolute(text);
  for (const auto* prefixes : {&kFilePrefixes, &kFileSystemPrefixes}) {
    for (const auto& [prefix, source] : *prefixes) {
      std::string_view path = text;
      if (take_prefix(path, prefix) && path.starts_with('.')) {
        return std::string(prefix) + absolute(path);
      }
    }
  }
  return std::string(text);
}

Result<SaveForm> parse_save_form(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  for (const std::string_view suffix : {".sqsh", ".squashfs"}) {
    if (name.size() > suffix.size() && name.ends_with(suffix)) return SaveForm::squashfs;
  }
  if (name.size() > 4 && name.ends_with(".tar")) return SaveForm::oci_archive;
  return Error{ErrorCode::invalid, "file '" + printable(path) +
                                       "' to save a container in: expected NAME.sqsh, "
                                       "NAME.squashfs or NAME.tar (an OCI archive)"};
}

bool is_sha256(std::string_view digest) {
  return digest.size() == 71 && digest.starts_with("sha256:") &&
         std::ranges::all_of(digest.substr(7), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

Result<ImageName> parse_image_name(std::string_view text) {
  if (text.size() > kMaxImageNameBytes) {
    return malformed(text, "has " + std::to_string(text.size()) + " bytes, at most " +
                               std::to_string(kMaxImageNameBytes) + " are allowed");
  }
  if (text == "host") return ImageName{};
  if (text.starts_with('/')) {
    for (const auto& [suffix, source] : kSuffixes) {
      if (text.ends_with(suffix)) return parse_file_system(text, source, text);
    }
    return ImageName{.source = ImageSource::directory, .path = std::string(text)};
  }
  std::string_view rest = text;
  for (const auto& [prefix, source] : kFilePrefixes) {
    if (take_prefix(rest, prefix)) return parse_file(text, source, rest);
  }
  for (const auto& [prefix, source] : kFileSystemPrefixes) {
    if (take_prefix(rest, prefix)) return parse_file_system(text, source, rest);
  }
  take_prefix(rest, "docker://");
  return parse_registry(text, rest);
}

std::string render(const ImageName& name) {
  switch (name.source) {
    case ImageSource::host: return "host";
    case ImageSource::directory: return name.path;
    case ImageSource::registry:
      return name.registry + (is_registry(name.registry) ? "/" : "#") + name.repository +
             (name.tag.empty() ? "" : ":" + name.tag) +
             (name.digest.empty() ? "" : "@" + name.digest);
    default: break;
  }
  for (const auto& [prefix, source] : kFilePrefixes) {
    if (source == name.source) {
      return std::string(prefix) + name.path + (name.tag.empty() ? "" : ":" + name.tag);
    }
  }
  for (const auto& [prefix, source] : kFileSystemPrefixes) {
    if (source == name.source) return std::string(prefix) + name.path;
  }
  return "?";
}

}  // namespace gd
