// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/containers/child.h"
#include "cli/containers/dialect.h"

#include <tl/expected.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskgroup::containers {

// What there is to know of an image that is on this machine.
struct Image {
  std::string id; // by which a container is made of exactly this one
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::string user; // as its USER says; empty = root
};

enum class PullPolicy { if_not_present, always, never };

// Return what `imagePullPolicy` says, by default if_not_present: unlike kubelet, also of `latest`.
// What is on this machine is what its owner built or pulled.
PullPolicy pull_policy(std::string_view text);

// How an image is found, and pulled where it is missing, as a chain of commands that somebody runs:
// at once, or while other things go on.
class ImageSearch {
public:
  ImageSearch(const Dialect& dialect, std::string image, PullPolicy policy);

  // Return the command to be run now; nothing once the result is there.
  const std::optional<Command>& command() const { return m_command; }

  // Tell whether that command pulls, which may take long.
  bool pulls() const { return m_step == Step::pull; }

  // Take what the command has left.
  void take(const Finished& finished);

  // Return the image, or one sentence that names it and says what failed.
  const tl::expected<Image, std::string>& result() const { return m_result; }

private:
  enum class Step { look, pull, look_again, over };

  void look(Step step, const std::string& name);
  void pull();
  void end(tl::expected<Image, std::string> result);

  const Dialect& m_dialect;
  std::string m_image;
  PullPolicy m_policy;
  Step m_step = Step::look;
  std::optional<Command> m_command;
  tl::expected<Image, std::string> m_result = tl::make_unexpected(std::string());
};

} // namespace taskgroup::containers
