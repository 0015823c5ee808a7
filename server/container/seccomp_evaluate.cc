// The part of classic BPF that seccomp accepts, interpreted.
//
// A program jumps forward only, so it ends; every index is checked, so that a damaged
// program gives an error and not a crash.
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstring>
#include <vector>

#include "server/container/audit_arch.h"
#include "server/container/seccomp.h"

namespace gd::container {
namespace {

struct Machine {
  seccomp_data data{};
  uint32_t a = 0;
  uint32_t x = 0;
  std::array<uint32_t, BPF_MEMWORDS> memory{};
};

Error malformed(size_t at) {
  return {ErrorCode::invalid,
          "seccomp program: instruction " + std::to_string(at) + " is malformed"};
}

SeccompVerdict verdict_of(uint32_t action) {
  switch (action & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_ALLOW: return {SeccompVerdict::Kind::allow, 0};
    case SECCOMP_RET_ERRNO:
      return {SeccompVerdict::Kind::error, static_cast<int>(action & SECCOMP_RET_DATA)};
    case SECCOMP_RET_KILL_PROCESS:
    case SECCOMP_RET_KILL_THREAD: return {SeccompVerdict::Kind::kill, 0};
    default: return {SeccompVerdict::Kind::other, 0};
  }
}

bool load(Machine& m, const sock_filter& op) {
  switch (BPF_MODE(op.code)) {
    case BPF_ABS:
      if (op.k % 4 != 0 || op.k > sizeof m.data - 4) return false;
      std::memcpy(&m.a, reinterpret_cast<const char*>(&m.data) + op.k, 4);
      return true;
    case BPF_IMM: m.a = op.k; return true;
    case BPF_MEM:
      if (op.k >= BPF_MEMWORDS) return false;
      m.a = m.memory[op.k];
      return true;
    default: return false;
  }
}

bool calculate(Machine& m, const sock_filter& op) {
  const uint32_t operand = BPF_SRC(op.code) == BPF_X ? m.x : op.k;
  switch (BPF_OP(op.code)) {
    case BPF_ADD: m.a += operand; return true;
    case BPF_SUB: m.a -= operand; return true;
    case BPF_AND: m.a &= operand; return true;
    case BPF_OR: m.a |= operand; return true;
    case BPF_XOR: m.a ^= operand; return true;
    case BPF_LSH: m.a = operand < 32 ? m.a << operand : 0; return true;
    case BPF_RSH: m.a = operand < 32 ? m.a >> operand : 0; return true;
    case BPF_NEG: m.a = 0 - m.a; return true;
    default: return false;
  }
}

// How far to jump beyond the next instruction; nothing if malformed.
std::optional<uint32_t> jump(const Machine& m, const sock_filter& op) {
  const uint32_t operand = BPF_SRC(op.code) == BPF_X ? m.x : op.k;
  switch (BPF_OP(op.code)) {
    case BPF_JA: return op.k;
    case BPF_JEQ: return m.a == operand ? op.jt : op.jf;
    case BPF_JGT: return m.a > operand ? op.jt : op.jf;
    case BPF_JGE: return m.a >= operand ? op.jt : op.jf;
    case BPF_JSET: return (m.a & operand) != 0 ? op.jt : op.jf;
    default: return std::nullopt;
  }
}

bool store_or_move(Machine& m, const sock_filter& op) {
  if (BPF_CLASS(op.code) == BPF_MISC) {
    (BPF_MISCOP(op.code) == BPF_TAX ? m.x : m.a) = BPF_MISCOP(op.code) == BPF_TAX ? m.a : m.x;
    return true;
  }
  if (op.k >= BPF_MEMWORDS) return false;
  if (BPF_CLASS(op.code) == BPF_LDX) m.x = m.memory[op.k];
  if (BPF_CLASS(op.code) == BPF_ST) m.memory[op.k] = m.a;
  if (BPF_CLASS(op.code) == BPF_STX) m.memory[op.k] = m.x;
  return true;
}

}  // namespace

Result<SeccompVerdict> evaluate(std::string_view program, const SyscallFacts& call) {
  std::vector<sock_filter> ops(program.size() / sizeof(sock_filter));
  std::memcpy(ops.data(), program.data(), ops.size() * sizeof(sock_filter));
  Machine m;
  m.data.nr = call.number;
  m.data.arch = call.arch == 0 ? kNativeArch : call.arch;
  for (size_t i = 0; i < call.args.size(); ++i) m.data.args[i] = call.args[i];

  for (uint64_t at = 0; at < ops.size(); ++at) {
    const sock_filter& op = ops[at];
    bool fine = true;
    switch (BPF_CLASS(op.code)) {
      case BPF_RET: return verdict_of(BPF_RVAL(op.code) == BPF_A ? m.a : op.k);
      case BPF_JMP: {
        const std::optional<uint32_t> distance = jump(m, op);
        fine = distance.has_value();
        at += distance.value_or(0);
        break;
      }
      case BPF_LD: fine = load(m, op); break;
      case BPF_ALU: fine = calculate(m, op); break;
      default: fine = store_or_move(m, op); break;
    }
    if (!fine) return malformed(at);
  }
  return malformed(ops.size());
}

}  // namespace gd::container
