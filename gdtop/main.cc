// gdtop: a program of its own, so that no other command pays for the terminal's library.
#include <string>
#include <vector>

#include "gdtop/gdtop.h"

int main(int argc, char** argv) {
  return gd::top::kGdtop.start(
      {"gdtop", gd::cmd::Dialect::gd, std::vector<std::string>(argv + 1, argv + argc)});
}
