// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/engine.h>
#include <taskgroup/plan.h>

#include "entrypoint/fd.h"
#include "entrypoint/wire.h"

#include <tl/expected.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskgroup {

// The coordinator's end of all sockets: carries the engine's actions to the agents, wherever these
// are in their lives, and what the agents say back as events. Never blocks: each agent has a buffer
// of its own. An agent that cannot be understood is lost; nothing that one sends harms the others.
//
// Containers are counted as container_order() has them.
class Agents {
public:
  // Sockets are made below `folder` and waited for by `epoll`, which stays the caller's, with data
  // below data_end(). The plan must outlive this object. Sockets to which nobody has come stay when
  // it ends: that nobody listens there tells an agent that comes late that it is too late.
  Agents(const Plan& plan, std::string folder, int epoll, Millis grace);
  ~Agents() = default;
  Agents(const Agents&) = delete;
  Agents& operator=(const Agents&) = delete;

  std::size_t size() const { return m_containers.size(); }
  std::uint64_t data_end() const { return 2 * m_containers.size(); }
  std::size_t index_of(StepId id) const { return m_index[id.task][id.step]; }
  std::optional<std::size_t> find(std::string_view container) const;

  // Open a container's socket, so that its agent may be started.
  tl::expected<void, std::string> open(std::size_t index);

  // Carry out an action. What concerns an agent that has not come waits for it.
  void apply(const action::StartStep& action);
  void apply(const action::StopStep& action);
  void apply(const action::ResetStep& action);
  void apply(const action::ReleaseStep& action);

  // Take a container for lost, for a reason from outside.
  void lose(std::size_t index, std::string reason, std::string message);

  // Handle what epoll reported for one of the sockets.
  void handle(std::uint64_t data, std::uint32_t events);

  // Return the events that have come up since the last call.
  std::vector<Event> take_events();

  // Tell whether every agent has been told that its task is over; `absent`: also those of opened
  // containers that have not come and are not lost.
  bool all_told(bool absent) const;

private:
  enum class Phase { idle, starting, running, resetting };

  struct Container {
    StepId id;
    Fd listener;
    Fd connection;
    std::string path; // of the socket while it listens
    bool greeted = false;
    bool released = false; // its task is over
    bool told = false;     // `done` has been sent, or is in `out`
    bool lost = false;
    Phase phase = Phase::idle;
    int attempt = 0;                          // of phase
    std::optional<action::StartStep> waiting; // for the agent to come
    wire::Lines lines;
    std::string out;
    std::uint32_t watched = 0; // epoll events of the connection
  };

  const PlanTask& task_of(const Container& container) const {
    return m_plan.tasks[container.id.task];
  }
  const PlanStep& step_of(const Container& container) const {
    return container_at(task_of(container), container.id.step);
  }
  const PlanSidecar* sidecar_of(const Container& container) const {
    const PlanTask& task = task_of(container);
    return container.id.step < task.steps.size()
               ? nullptr
               : &task.sidecars[container.id.step - task.steps.size()];
  }

  void accept(std::size_t index);
  void receive(std::size_t index);
  void send(std::size_t index, const wire::ToAgent& message);
  void send_start(std::size_t index, const action::StartStep& action);
  void flush(std::size_t index);
  void stop_listening(Container& container);

  // Take a message; return what is wrong with it at this time, or nothing.
  const char* take(std::size_t index, wire::Hello& message);
  const char* take(std::size_t index, wire::Started& message);
  const char* take(std::size_t index, wire::Paused& message);
  const char* take(std::size_t index, wire::Ready& message);
  const char* take(std::size_t index, wire::Exited& message);
  const char* take(std::size_t index, wire::ResetDone& message);

  const Plan& m_plan;
  std::string m_folder;
  int m_epoll;
  Millis m_grace;
  std::vector<std::vector<std::size_t>> m_index; // of each task's containers
  std::vector<Container> m_containers;
  std::vector<Event> m_events;
};

} // namespace taskgroup
