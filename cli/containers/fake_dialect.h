// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/containers/dialect.h"

namespace taskgroup::containers {

// An engine whose program is never run.
class FakeDialect : public Dialect {
public:
  std::string program() const override { return "engine"; }
  tl::expected<void, std::string> probe(const std::string&,
                                        std::chrono::milliseconds) const override {
    return {};
  }
  bool limits(std::string_view resource) const override {
    return resource == "memory" ? limits_memory : limits_cpu;
  }
  std::string pulled_name(const std::string& image) const override { return "hub/" + image; }
  Command run_flags() const override { return {"--own-flag"}; }
  Command list(const std::string&) const override { return {}; }
  Command remove_tree(const std::string&, const std::string&, const std::string&) const override {
    return {};
  }

  bool limits_memory = true;
  bool limits_cpu = true;
};

} // namespace taskgroup::containers
