// Runs a fuzz target without libFuzzer: its kept corpus, then mutated inputs.
//
//   TARGET CORPUS [RUNS [SEED]]      defaults: 20000 runs, seed 1
//
// So every compiler and every CI run feeds the parsers hostile input, for a
// bounded count and with the same inputs for the same seed. With clang and
// -Dfuzzers=true the targets link libFuzzer instead, and this file is left out.
// A target that aborts leaves its input in crash-TARGET in the current folder.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

constexpr size_t kMaxInputBytes = 4096;
constexpr uint64_t kDefaultRuns = 20'000;

std::string crash_file = "crash-";
std::string current;  // the input under test, for the handler of an abort

// Only calls that a signal handler may make.
void keep_input(int signal) {
  const int fd = ::creat(crash_file.c_str(), 0644);
  if (fd >= 0) {
    (void)!::write(fd, current.data(), current.size());
    (void)!::write(STDERR_FILENO, "input kept in ", 14);
    (void)!::write(STDERR_FILENO, crash_file.data(), crash_file.size());
    (void)!::write(STDERR_FILENO, "\n", 1);
  }
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

void feed(std::string input) {
  current = std::move(input);
  // A copy of exactly this size: a sanitizer sees one octet too far.
  const std::unique_ptr<uint8_t[]> exact = std::make_unique<uint8_t[]>(current.size());
  std::copy(current.begin(), current.end(), exact.get());
  LLVMFuzzerTestOneInput(exact.get(), current.size());
}

// splitmix64: small, and the same on every machine.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  size_t below(size_t bound) { return bound == 0 ? 0 : next() % bound; }

 private:
  uint64_t state_;
};

std::vector<std::string> read_corpus(const std::string& folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries{::opendir(folder.c_str()), ::closedir};
  if (entries == nullptr) return {};
  while (const dirent* entry = ::readdir(entries.get())) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  std::sort(names.begin(), names.end());  // the seed alone decides, not the file system
  std::vector<std::string> corpus;
  for (const std::string& name : names) {
    std::ifstream file(folder + "/" + name, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return corpus;
}

// One change of the kinds that parsers trip over.
void mutate_once(std::string& input, const std::vector<std::string>& corpus, Random& random) {
  static constexpr char kTelling[] = "[]-,=\"\\#\n\0\xff:+/%0123456789aA. ";
  const size_t at = random.below(input.size() + 1);
  const size_t length = random.below(std::min<size_t>(input.size() - at, 32) + 1);
  const char telling = kTelling[random.below(sizeof kTelling - 1)];
  const std::string& other = corpus[random.below(corpus.size())];
  switch (random.below(7)) {
    case 0: input.insert(at, 1, telling); break;
    case 1: input.erase(at, length); break;
    case 2: input.insert(at, input.substr(at, length)); break;
    case 3: input.insert(at, other.substr(random.below(other.size() + 1), 64)); break;
    case 4:
      if (at < input.size()) input[at] = static_cast<char>(random.next());
      break;
    case 5:
      if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << random.below(8)));
      break;
    default:
      if (at < input.size()) input[at] = telling;
  }
  if (input.size() > kMaxInputBytes) input.resize(kMaxInputBytes);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s CORPUS [RUNS [SEED]]\n", argv[0]);
    return 2;
  }
  const char* slash = std::strrchr(argv[0], '/');
  crash_file += slash != nullptr ? slash + 1 : argv[0];
  const uint64_t runs = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : kDefaultRuns;
  const uint64_t seed = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1;
  for (const int signal : {SIGABRT, SIGSEGV, SIGFPE}) ::signal(signal, keep_input);

  const std::vector<std::string> corpus = read_corpus(argv[1]);
  if (corpus.empty()) {
    std::fprintf(stderr, "%s: no corpus in %s\n", argv[0], argv[1]);
    return 1;
  }
  feed("");
  for (const std::string& input : corpus) feed(input);
  Random random{seed};
  for (uint64_t run = 0; run < runs; ++run) {
    std::string input = corpus[random.below(corpus.size())];
    for (size_t changes = 1 + random.below(6); changes > 0; --changes) {
      mutate_once(input, corpus, random);
    }
    feed(std::move(input));
  }
  std::printf("%zu kept and %llu mutated inputs, seed %llu\n", corpus.size(),
              static_cast<unsigned long long>(runs), static_cast<unsigned long long>(seed));
  return 0;
}
