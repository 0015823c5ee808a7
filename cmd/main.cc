// gd: all client commands in one binary; links decide which one it is.
#include <string>
#include <vector>

#include "cmd/command.h"

int main(int argc, char** argv) {
  return gd::cmd::dispatch(std::vector<std::string>(argv, argv + argc));
}
