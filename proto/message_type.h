// The number of each message. On the wire and on disk: never renumber.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gd {

enum class MessageType : uint16_t {
  error_reply = 0,
  ok_reply = 1,
  ping_request = 2,
  ping_reply = 3,
  submit_request = 10,
  submit_reply = 11,
  job_query = 12,
  job_query_reply = 13,
  cancel_request = 14,
  job_control_request = 15,
  job_update_request = 16,
  jobs_reply = 17,
  wait_request = 18,
  job_notice = 19,
  step_request = 20,
  step_reply = 21,
  script_query = 22,
  script_reply = 23,
  stats_query = 26,
  stats_reply = 27,
  explain_reply = 29,
  node_query = 30,
  node_query_reply = 31,
  node_update_request = 32,
  partition_query = 33,
  partition_query_reply = 34,
  config_query = 35,
  config_reply = 36,
  reconfigure_request = 37,
  shutdown_request = 38,
  key_list_request = 40,
  key_list_reply = 41,
  key_revoke_request = 42,
  node_token_request = 43,
  node_token_reply = 44,
  login_start = 50,
  login_prompt = 51,
  login_answer = 52,
  login_done = 53,
  enrol_request = 54,
  node_join = 55,
  node_joined = 56,
  node_hello = 60,
  node_welcome = 61,
  node_report = 62,
  node_orders = 63,
  node_explain = 66,
  node_explained = 67,
  share_query = 70,
  share_query_reply = 71,
  limit_query = 72,
  limit_query_reply = 73,
  why_query = 74,
  why_reply = 75,
  reservation_query = 76,
  reservation_query_reply = 77,
  reservation_request = 78,
  usage_reset_request = 79,
  stream_open = 80,
  stream_opened = 81,
  stream_data = 82,
  stream_end = 83,
  stream_ack = 84,
  stream_resize = 85,
  stream_signal = 86,
  stream_ping = 87,
  stream_exit = 88,
  stream_notice = 89,
  step_launch = 90,
  shepherd_status = 91,
  shepherd_order = 92,
  step_sample = 93,
  accounts_request = 100,
  accounts_reply = 101,
  crontab_query = 110,
  crontab_reply = 111,
  crontab_request = 112,
};

inline constexpr uint16_t kProtocolVersion = 1;

// Limits of one message; one past each is refused with a text that says so.
inline constexpr size_t kMaxMessageBytes = size_t{16} << 20;
inline constexpr size_t kMaxScriptBytes = size_t{4} << 20;
inline constexpr size_t kMaxEnvironmentBytes = size_t{2} << 20;
inline constexpr size_t kMaxTextBytes = size_t{64} << 10;    // any single text field of a spec
inline constexpr size_t kMaxListEntries = 65536;             // ids, hosts, jobs of one page
inline constexpr size_t kMaxStreamChunk = size_t{64} << 10;  // one StreamData
inline constexpr size_t kMaxStreamWindow = size_t{1} << 20;  // unacknowledged bytes a stream

}  // namespace gd
