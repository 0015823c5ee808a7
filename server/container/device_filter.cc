// One block of instructions a rule: each test that fails jumps to the next block.
#include "server/container/device_filter.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

namespace gd::container {
namespace {

uint64_t encode(uint8_t code, uint8_t target, uint8_t source, int16_t offset, int32_t constant) {
  bpf_insn op{};
  op.code = code;
  op.dst_reg = target & 0xF;
  op.src_reg = source & 0xF;
  op.off = offset;
  op.imm = constant;
  uint64_t bytes = 0;
  static_assert(sizeof op == sizeof bytes);
  std::memcpy(&bytes, &op, sizeof bytes);
  return bytes;
}

constexpr uint8_t kType = 2, kAccess = 3, kMajor = 4, kMinor = 5, kScratch = 6;

int32_t access_bits(const std::string& access) {
  int32_t bits = 0;
  for (const char c : access) {
    if (c == 'r') bits |= BPF_DEVCG_ACC_READ;
    if (c == 'w') bits |= BPF_DEVCG_ACC_WRITE;
    if (c == 'm') bits |= BPF_DEVCG_ACC_MKNOD;
  }
  return bits;
}

void add_rule(std::vector<uint64_t>& program, const DeviceRule& rule) {
  std::vector<uint64_t> block;
  constexpr uint8_t kJumpNotEqual = BPF_JMP | BPF_JNE | BPF_K;
  const auto length = static_cast<int16_t>(6 + (rule.major ? 1 : 0) + (rule.minor ? 1 : 0));
  // A jump of `n` skips n instructions after its own.
  const auto to_end = [&block, length] {
    return static_cast<int16_t>(length - static_cast<int16_t>(block.size()) - 1);
  };
  block.push_back(encode(kJumpNotEqual, kType, 0, to_end(),
                         rule.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR));
  block.push_back(encode(BPF_ALU64 | BPF_MOV | BPF_X, kScratch, kAccess, 0, 0));
  block.push_back(encode(BPF_ALU64 | BPF_AND | BPF_K, kScratch, 0, 0, ~access_bits(rule.access)));
  block.push_back(encode(kJumpNotEqual, kScratch, 0, to_end(), 0));
  if (rule.major) {
    block.push_back(encode(kJumpNotEqual, kMajor, 0, to_end(), static_cast<int32_t>(*rule.major)));
  }
  if (rule.minor) {
    block.push_back(encode(kJumpNotEqual, kMinor, 0, to_end(), static_cast<int32_t>(*rule.minor)));
  }
  block.push_back(encode(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1));
  block.push_back(encode(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
  program.insert(program.end(), block.begin(), block.end());
}

}  // namespace

std::vector<DeviceRule> standard_devices() {
  std::vector<DeviceRule> rules;
  for (const uint32_t minor : {3U, 5U, 7U, 8U, 9U}) rules.push_back({'c', 1, minor, "rwm"});
  rules.push_back({'c', 5, 0, "rwm"});
  rules.push_back({'c', 5, 2, "rwm"});
  rules.push_back({'c', 136, std::nullopt, "rwm"});
  return rules;
}

std::string render(const DeviceRule& rule) {
  const auto number = [](std::optional<uint32_t> value) {
    return value ? std::to_string(*value) : std::string("*");
  };
  return std::string(1, rule.type) + " " + number(rule.major) + ":" + number(rule.minor) + " " +
         rule.access;
}

Result<std::vector<uint64_t>> build_device_filter(const std::vector<DeviceRule>& allowed) {
  if (allowed.size() > kMaxDeviceRules) {
    return Error{ErrorCode::invalid, "device filter: " + std::to_string(allowed.size()) +
                                         " rules given, at most " +
                                         std::to_string(kMaxDeviceRules) + " allowed"};
  }
  std::vector<uint64_t> program;
  const auto load = [&program](uint8_t target, int16_t offset) {
    program.push_back(encode(BPF_LDX | BPF_MEM | BPF_W, target, 1, offset, 0));
  };
  load(kType, 0);
  program.push_back(encode(BPF_ALU64 | BPF_AND | BPF_K, kType, 0, 0, 0xFFFF));
  load(kAccess, 0);
  program.push_back(encode(BPF_ALU64 | BPF_RSH | BPF_K, kAccess, 0, 0, 16));
  load(kMajor, 4);
  load(kMinor, 8);
  for (const DeviceRule& rule : allowed) add_rule(program, rule);
  program.push_back(encode(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0));
  program.push_back(encode(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
  return program;
}

Result<void> attach_device_filter(int group_fd, const std::vector<uint64_t>& program) {
  bpf_attr load{};
  load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  load.insns = reinterpret_cast<uintptr_t>(program.data());
  load.insn_cnt = static_cast<uint32_t>(program.size());
  load.license = reinterpret_cast<uintptr_t>("Apache-2.0");
  const UniqueFd loaded(static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load)));
  if (!loaded.valid()) return os_error("load device filter");
  bpf_attr attach{};
  attach.target_fd = static_cast<uint32_t>(group_fd);
  attach.attach_bpf_fd = static_cast<uint32_t>(loaded.get());
  attach.attach_type = BPF_CGROUP_DEVICE;
  attach.attach_flags = BPF_F_ALLOW_MULTI;
  if (::syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach) != 0) {
    return os_error("attach device filter");
  }
  return {};
}

}  // namespace gd::container
