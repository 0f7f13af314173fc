// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tl/expected.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace taskgroup::containers {

using Command = std::vector<std::string>;

// What is different between podman and docker. Where the two understand the same words, the
// launcher uses them itself. Command lines only; nothing here runs anything but probe().
class Dialect {
public:
  virtual ~Dialect() = default;

  // Return the program's name, as on the command line: "podman" or "docker".
  virtual std::string program() const = 0;

  // Find out whether containers can be made on this machine, with its folders in them; each program
  // that is asked has `limit`. `folder` is empty and the caller's. The error is one sentence.
  virtual tl::expected<void, std::string> probe(const std::string& folder,
                                                std::chrono::milliseconds limit) const = 0;

  // Tell whether limits of this resource ("memory" or "cpu") can be set.
  virtual bool limits(std::string_view resource) const = 0;

  // Return the name by which an image is pulled, where it is not to be had by `image` itself. Names
  // mean what they mean in a pod: `golang` is docker.io/library/golang.
  virtual std::string pulled_name(const std::string& image) const = 0;

  // Return flags of `run` that the engine needs for what the other one does without.
  virtual Command run_flags() const = 0;

  // Return the command that prints a line for each container that has the label: its id and the
  // label's value.
  virtual Command list(const std::string& label) const = 0;

  // Return the command that removes a folder that holds files of other users than the caller.
  // `image` is the id of any image that is there.
  virtual Command remove_tree(const std::string& folder, const std::string& agent,
                              const std::string& image) const = 0;
};

std::unique_ptr<Dialect> make_podman();
std::unique_ptr<Dialect> make_docker();

// Return the last line of what a program wrote, without its "Error: ": what it failed of.
std::string last_line(std::string_view text);

} // namespace taskgroup::containers
