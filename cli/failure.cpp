// SPDX-License-Identifier: Apache-2.0
#include "cli/failure.h"

#include <cstdio>

namespace taskgroup {

ExitCode fail(const Failure& failure) {
  std::fprintf(stderr, "%s\n", failure.message.c_str());
  return failure.code;
}

} // namespace taskgroup
