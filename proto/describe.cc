// Messages as text, from the same list of fields; no msgpack in here.
#include <sstream>

#include "base/digest.h"
#include "base/text.h"
#include "proto/codec.h"

namespace gd {

namespace {

template <class T>
concept HasFields = requires(T& value) {
  T::visit(value, [](const char*, auto&) {});
};

constexpr size_t kShownBytes = 40;

template <class T>
void show(std::ostream& out, const T& value);

void show_one(std::ostream& out, const std::string& text) {
  out << '"' << printable(std::string_view(text).substr(0, kShownBytes))
      << (text.size() > kShownBytes ? "...\"" : "\"");
}
void show_one(std::ostream& out, const Digest& digest) {
  out << digest.hex().substr(0, 12);
}
void show_one(std::ostream& out, const TimePoint& time) {
  out << time.time_since_epoch().count();
}
void show_one(std::ostream& out, const Seconds& time) {
  out << time.count() << 's';
}
void show_one(std::ostream& out, const std::shared_ptr<const JobSpec>& spec) {
  if (spec) show(out, *spec);
}
template <class Tag, class Value>
void show_one(std::ostream& out, const Id<Tag, Value>& id) {
  out << id.value;
}
template <class T>
void show_one(std::ostream& out, const std::optional<T>& value) {
  if (value) show(out, *value);
}
template <class T>
void show_one(std::ostream& out, const std::vector<T>& values) {
  out << '[';
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out << ' ';
    show(out, values[i]);
  }
  out << ']';
}

template <HasFields T>
void show_fields(std::ostream& out, const T& value) {
  out << '{';
  const char* gap = "";
  T::visit(value, [&](const char* name, const auto& member) {
    std::ostringstream text;
    show(text, member);
    // A job's key travels to its nodes within their orders.
    const std::string shown = std::string_view(name) == "job_secret" ? "" : text.str();
    if (shown.empty() || shown == "\"\"" || shown == "[]" || shown == "{}" || shown == "0") return;
    out << gap << name << '=' << shown;
    gap = " ";
  });
  out << '}';
}

template <class T>
void show(std::ostream& out, const T& value) {
  if constexpr (HasFields<T>) {
    show_fields(out, value);
  } else if constexpr (std::is_enum_v<T>) {
    out << static_cast<unsigned>(value);
  } else if constexpr (std::is_arithmetic_v<T>) {
    out << +value;
  } else {
    show_one(out, value);
  }
}

struct TypeName {
  MessageType type;
  std::string_view name;
};

#define GD_NAME(x)     \
  TypeName {           \
    MessageType::x, #x \
  }
constexpr TypeName kTypeNames[] = {GD_NAME(error_reply),
                                   GD_NAME(ok_reply),
                                   GD_NAME(ping_request),
                                   GD_NAME(ping_reply),
                                   GD_NAME(submit_request),
                                   GD_NAME(submit_reply),
                                   GD_NAME(job_query),
                                   GD_NAME(job_query_reply),
                                   GD_NAME(cancel_request),
                                   GD_NAME(job_control_request),
                                   GD_NAME(job_update_request),
                                   GD_NAME(jobs_reply),
                                   GD_NAME(wait_request),
                                   GD_NAME(job_notice),
                                   GD_NAME(step_request),
                                   GD_NAME(step_reply),
                                   GD_NAME(script_query),
                                   GD_NAME(script_reply),
                                   GD_NAME(node_query),
                                   GD_NAME(node_query_reply),
                                   GD_NAME(node_update_request),
                                   GD_NAME(partition_query),
                                   GD_NAME(partition_query_reply),
                                   GD_NAME(share_query),
                                   GD_NAME(share_query_reply),
                                   GD_NAME(limit_query),
                                   GD_NAME(limit_query_reply),
                                   GD_NAME(accounts_request),
                                   GD_NAME(accounts_reply),
                                   GD_NAME(crontab_query),
                                   GD_NAME(crontab_reply),
                                   GD_NAME(crontab_request),
                                   GD_NAME(why_query),
                                   GD_NAME(why_reply),
                                   GD_NAME(reservation_query),
                                   GD_NAME(reservation_query_reply),
                                   GD_NAME(reservation_request),
                                   GD_NAME(usage_reset_request),
                                   GD_NAME(config_query),
                                   GD_NAME(config_reply),
                                   GD_NAME(reconfigure_request),
                                   GD_NAME(shutdown_request),
                                   GD_NAME(stats_query),
                                   GD_NAME(stats_reply),
                                   GD_NAME(key_list_request),
                                   GD_NAME(key_list_reply),
                                   GD_NAME(key_revoke_request),
                                   GD_NAME(node_token_request),
                                   GD_NAME(node_token_reply),
                                   GD_NAME(login_start),
                                   GD_NAME(login_prompt),
                                   GD_NAME(login_answer),
                                   GD_NAME(login_done),
                                   GD_NAME(enrol_request),
                                   GD_NAME(node_join),
                                   GD_NAME(node_joined),
                                   GD_NAME(node_hello),
                                   GD_NAME(node_welcome),
                                   GD_NAME(node_report),
                                   GD_NAME(node_orders),
                                   GD_NAME(stream_open),
                                   GD_NAME(stream_opened),
                                   GD_NAME(stream_data),
                                   GD_NAME(stream_end),
                                   GD_NAME(stream_ack),
                                   GD_NAME(stream_resize),
                                   GD_NAME(stream_signal),
                                   GD_NAME(stream_ping),
                                   GD_NAME(stream_exit),
                                   GD_NAME(stream_notice),
                                   GD_NAME(step_launch),
                                   GD_NAME(shepherd_status),
                                   GD_NAME(shepherd_order),
                                   GD_NAME(explain_reply),
                                   GD_NAME(node_explain),
                                   GD_NAME(node_explained),
                                   GD_NAME(step_sample)};
#undef GD_NAME
static_assert(std::size(kTypeNames) == std::variant_size_v<MessageVariant>);

}  // namespace

std::string_view name(MessageType type) {
  for (const TypeName& entry : kTypeNames) {
    if (entry.type == type) return entry.name;
  }
  return "unknown";
}

std::string describe(const Message& message) {
  std::ostringstream out;
  std::visit(
      [&](const auto& body) {
        out << name(body.kType);
        // Passwords and tokens are shown nowhere.
        using Body = std::remove_cvref_t<decltype(body)>;
        if constexpr (std::is_same_v<Body, LoginAnswer> || std::is_same_v<Body, NodeJoin> ||
                      std::is_same_v<Body, NodeTokenReply>) {
          out << "{...}";
        } else {
          show_fields(out, body);
        }
      },
      message);
  return out.str();
}

}  // namespace gd
