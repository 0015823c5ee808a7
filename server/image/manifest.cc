#include "server/image/manifest.h"

#include <nlohmann/json.hpp>

#include "base/image_name.h"
#include "base/text.h"

namespace gd::image {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxVariables = 1024;
constexpr size_t kMaxEntrypointWords = 64;
constexpr size_t kMaxVariableBytes = size_t{64} << 10;

Error malformed(std::string_view what, std::string_view why) {
  return Error{ErrorCode::invalid, std::string(what) + ": " + std::string(why)};
}

Result<Json> parse(std::string_view what, std::string_view text) {
  if (text.size() > kMaxManifestBytes) {
    return malformed(what, std::to_string(text.size()) + " bytes, at most " +
                               std::to_string(kMaxManifestBytes) + " are allowed");
  }
  // Nested too deeply it would exhaust the stack of whoever frees it.
  constexpr int kMaxDepth = 32;
  bool deep = false;
  const auto shallow = [&deep](int depth, Json::parse_event_t, Json&) {
    deep = deep || depth > kMaxDepth;
    return depth <= kMaxDepth;
  };
  Json json = Json::parse(text, shallow, false);
  if (deep) return malformed(what, "nested too deeply");
  if (!json.is_object()) return malformed(what, "is not a JSON object");
  return json;
}

Result<Blob> blob_of(std::string_view what, const Json& json) {
  if (!json.is_object() || !json.contains("digest") || !json["digest"].is_string() ||
      !json.contains("size") || !json["size"].is_number_unsigned()) {
    return malformed(what, "a blob without digest or size");
  }
  Blob blob{.digest = json["digest"].get<std::string>(), .size = json["size"].get<uint64_t>()};
  if (!is_sha256(blob.digest)) {
    return malformed(what, "digest '" + printable(blob.digest, 80) + "' is not sha256:<64 digits>");
  }
  if (blob.size > kMaxBlobBytes) {
    return malformed(what, "a blob of " + std::to_string(blob.size) + " bytes, at most " +
                               std::to_string(kMaxBlobBytes) + " are allowed");
  }
  return blob;
}

}  // namespace

Result<Manifest> parse_manifest(std::string_view text) {
  constexpr std::string_view kWhat = "manifest";
  const Json json = TRY(parse(kWhat, text));
  if (json.contains("manifests")) return malformed(kWhat, "is an index of several images");
  if (!json.contains("config") || !json.contains("layers") || !json["layers"].is_array()) {
    return malformed(kWhat, "has no config and layers (schema 1 is not supported)");
  }
  Manifest manifest;
  manifest.config = TRY(blob_of(kWhat, json["config"]));
  if (json["layers"].empty() || json["layers"].size() > kMaxLayers) {
    return malformed(kWhat, std::to_string(json["layers"].size()) + " layers, 1 to " +
                                std::to_string(kMaxLayers) + " are allowed");
  }
  for (const Json& layer : json["layers"]) {
    if (layer.is_object() && layer.contains("urls") && !layer["urls"].empty()) {
      return malformed(kWhat, "a layer that is kept elsewhere");
    }
    manifest.layers.push_back(TRY(blob_of(kWhat, layer)));
  }
  return manifest;
}

Result<Blob> parse_index(std::string_view text) {
  constexpr std::string_view kWhat = "index";
  const Json json = TRY(parse(kWhat, text));
  if (!json.contains("manifests") || !json["manifests"].is_array() ||
      json["manifests"].size() != 1) {
    return malformed(kWhat, "does not name one manifest");
  }
  return blob_of(kWhat, json["manifests"][0]);
}

Result<Blob> choose_manifest(std::string_view text, std::string_view architecture) {
  constexpr std::string_view kWhat = "index";
  const Json json = TRY(parse(kWhat, text));
  if (!json.contains("manifests") || !json["manifests"].is_array()) {
    return malformed(kWhat, "names no manifests");
  }
  const auto says = [](const Json& platform, const char* key, std::string_view value) {
    return platform.contains(key) && platform[key].is_string() &&
           platform[key].get_ref<const std::string&>() == value;
  };
  for (const Json& each : json["manifests"]) {
    if (!each.is_object() || !each.contains("platform") || !each["platform"].is_object()) continue;
    const Json& platform = each["platform"];
    if (says(platform, "os", "linux") && says(platform, "architecture", architecture)) {
      return blob_of(kWhat, each);
    }
  }
  return malformed(kWhat, "has no image for linux/" + std::string(architecture));
}

std::string image_architecture(std::string_view machine) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"x86_64", "amd64"}, {"aarch64", "arm64"}, {"i686", "386"}, {"armv7l", "arm"}};
  for (const auto& [kernel, image] : kNames) {
    if (kernel == machine) return std::string(image);
  }
  return std::string(machine);
}

Result<Config> parse_config(std::string_view text) {
  constexpr std::string_view kWhat = "image configuration";
  const Json json = TRY(parse(kWhat, text));
  Config config;
  if (!json.contains("config") || !json["config"].is_object()) return config;
  const Json& own = json["config"];
  if (own.contains("Env") && own["Env"].is_array()) {
    if (own["Env"].size() > kMaxVariables) {
      return malformed(kWhat, std::to_string(own["Env"].size()) + " variables, at most " +
                                  std::to_string(kMaxVariables) + " are allowed");
    }
    for (const Json& entry : own["Env"]) {
      if (!entry.is_string()) return malformed(kWhat, "a variable that is no text");
      std::string variable = entry.get<std::string>();
      const size_t equals = variable.find('=');
      if (equals == std::string::npos || equals == 0 || variable.size() > kMaxVariableBytes ||
          variable.find('\0') != std::string::npos) {
        return malformed(kWhat, "variable '" + printable(variable, 60) + "' is not NAME=value");
      }
      config.environment.push_back(std::move(variable));
    }
  }
  if (own.contains("WorkingDir") && own["WorkingDir"].is_string()) {
    std::string folder = own["WorkingDir"].get<std::string>();
    const bool plain =
        folder.starts_with('/') && folder.size() < 4096 && folder.find('\0') == std::string::npos;
    if (plain) config.workdir = std::move(folder);
  }
  if (own.contains("Entrypoint") && own["Entrypoint"].is_array()) {
    for (const Json& word : own["Entrypoint"]) {
      if (config.entrypoint.size() == kMaxEntrypointWords || !word.is_string()) {
        return malformed(kWhat, "an entrypoint of more than " +
                                    std::to_string(kMaxEntrypointWords) + " words, or no text");
      }
      config.entrypoint.push_back(word.get<std::string>());
    }
  }
  return config;
}

}  // namespace gd::image
