#include "tests/support/random_scenario.h"

#include <random>

namespace gd::test {

namespace {

struct Minutes {
  std::string ahead, spent;
};

// By other dice, which roll what those show: what else is in the scenario stays as it was.
Minutes random_minutes(const std::mt19937_64& dice) {
  std::mt19937_64 engine = dice;
  const uint64_t first = engine();
  const uint64_t second = engine();
  Minutes minutes;
  if (first % 3 == 0) minutes.ahead = " grp_tres_run_mins=cpu=" + std::to_string(80 + first % 41);
  if (second % 3 == 0) minutes.spent = " grp_tres_mins=cpu=" + std::to_string(80 + second % 81);
  return minutes;
}

// Sections of limits, each in some of the scenarios; all that a job may ask for fits in.
std::string random_limits(std::mt19937_64& engine) {
  const auto roll = [&](uint64_t low, uint64_t high) {
    return std::to_string(low + engine() % (high - low + 1));
  };
  const auto one_in = [&](uint64_t n) { return engine() % n == 0; };
  std::string text = "license matlab count=" + roll(2, 4) + "\nlicense ansys count=1\n";
  text += "account art" + (one_in(2) ? " grp_tres=cpu=" + roll(16, 24) : "") +
          (one_in(3) ? " grp_jobs=" + roll(1, 4) : "") + "\n";
  if (one_in(2)) {
    text += std::string("preempt qos mode=") + (one_in(3) ? "cancel" : "requeue") +
            " exempt=" + (one_in(2) ? roll(0, 60) : "0") + "\n";
  }
  text += "account oil parent=art" + (one_in(2) ? " max_jobs=" + roll(1, 2) : "") +
          (one_in(3) ? " grp_tres=node=" + roll(2, 3) : "") + "\n";
  const Minutes minutes = random_minutes(engine);
  text += "account ink parent=art" + minutes.ahead + "\naccount own" + minutes.spent + "\n";
  text += "qos short" + (one_in(2) ? " max_jobs_per_user=" + roll(1, 2) : "") +
          (one_in(2) ? " max_tres_per_account=mem=" + roll(1600, 2400) : "") +
          " priority=" + roll(0, 9) + " preempt=normal,wide\n";
  text += "qos wide grace_time=" + (one_in(2) ? roll(1, 40) : "0") +
          (one_in(2) ? " preempt=normal" : "") +
          (one_in(2) ? " grp_tres=cpu=" + roll(16, 20) : "") +
          " max_tres_per_user=node=" + roll(2, 4) + "\n";
  if (one_in(3)) text += "user 1 grp_tres=cpu=" + roll(16, 20) + "\n";
  if (one_in(3)) text += "user * max_jobs=" + roll(1, 6) + "\n";
  return text;
}

std::string words_of(uint64_t seed) {
  std::mt19937_64 engine(seed);
  const auto roll = [&](uint64_t low, uint64_t high) {
    return std::to_string(low + engine() % (high - low + 1));
  };
  const auto one_in = [&](uint64_t n) { return engine() % n == 0; };
  std::string text;
  const uint64_t nodes = 2 + engine() % 4;
  for (uint64_t n = 1; n <= nodes; ++n) {
    text += "node " + std::to_string(n) + " cpus=" + roll(4, 8) + " mem=" + roll(400, 800);
    text += n == 1 || one_in(2) ? " features=a\n" : "\n";
    if (one_in(3)) {
      text += "run " + std::to_string(900 + n) + " on=" + std::to_string(n) +
              " cpus=" + roll(1, 4) + " mem=100 account=own user=r" + std::to_string(n) +
              " until=" + roll(1, 300) + "\n";
    }
  }
  text += "partition all\npartition first nodes=1,2 tier=" + roll(1, 2) + "\n";
  text += random_limits(engine);
  const bool reserved = one_in(2);
  if (reserved) {
    text += "reserve r nodes=1" + std::string(one_in(2) ? ",2" : "") + " start=" + roll(0, 400) +
            " end=" + roll(2000, 4000) + "\n";
  }
  uint64_t at = 0;
  for (uint64_t job = 1; job <= 40; ++job) {
    if (!one_in(3)) at += engine() % 60;
    const std::string limit = roll(1, 300);
    text += "queue " + std::to_string(job) + " at=" + std::to_string(at) + " limit=" + limit +
            " run=" + roll(1, std::stoul(limit)) + " cpus=" + roll(1, 4) + " mem=" + roll(0, 400) +
            " user=" + roll(1, 3);
    if (one_in(3)) text += " nodes=2";
    if (one_in(4)) text += " tasks=2 per_node=1";
    if (one_in(6)) text += " exclusive";
    if (one_in(5)) text += " features=a nodes=1";
    if (one_in(3)) text += one_in(2) ? " partition=first,all" : " partition=first";
    if (one_in(5)) text += " nice=" + roll(0, 5000);
    text += one_in(2) ? " account=own" : one_in(2) ? " account=oil" : " account=ink";
    if (one_in(3)) text += one_in(2) ? " qos=short" : " qos=wide";
    if (reserved && one_in(8)) text += " reservation=r";
    if (one_in(5)) text += " licenses=matlab:" + roll(1, 2) + (one_in(2) ? ",ansys" : "");
    text += "\n";
  }
  return text;
}

// A word may be said once only: the later one goes.
std::string without_doubles(const std::string& text) {
  std::string result;
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = text.find('\n', begin);
    std::string line = text.substr(begin, end - begin);
    const size_t first = line.find(" nodes=");
    const size_t second = first == std::string::npos ? first : line.find(" nodes=", first + 1);
    if (second != std::string::npos && line.starts_with("queue")) line.erase(second, 8);
    result += line + "\n";
    begin = end + 1;
  }
  return result;
}

}  // namespace

std::string random_scenario(uint64_t seed) {
  return without_doubles(words_of(seed));
}

}  // namespace gd::test
