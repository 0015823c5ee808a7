// Mail by the machine's own program, beside the owner thread.
//
// One thread, one mail at a time; a program that hangs is killed after kMailPatience. At most
// kMaxMails wait: a further one is dropped, and the log says so.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "base/clock.h"
#include "server/core/effect.h"

namespace gd::controller {

inline constexpr size_t kMaxMails = 1000;
inline constexpr Milliseconds kMailPatience{60'000};

// What is given to the program on standard input. Header lines hold no line break: the subject
// is printable and the address was checked when the job was submitted.
std::string mail_text(const core::MailNote& note);

class Mailer {
 public:
  // program: absolute, takes `-i -- ADDRESS...` as sendmail does.
  explicit Mailer(std::string program);
  ~Mailer();  // what waits is dropped; what is being sent is waited for
  Mailer(const Mailer&) = delete;
  Mailer& operator=(const Mailer&) = delete;

  enum class Taken : bool { no, yes };
  Taken send(core::MailNote note);  // no: kMaxMails wait already

 private:
  void run();

  std::string program_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<core::MailNote> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace gd::controller
