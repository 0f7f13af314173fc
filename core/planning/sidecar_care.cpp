// SPDX-License-Identifier: Apache-2.0
#include "core/planning/sidecar_care.h"

#include <fmt/format.h>

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace taskgroup {
namespace {

constexpr int most_seconds = 1'000'000'000; // fits in milliseconds, and in plans
constexpr std::string_view way_out =
    "; use exec, tcpSocket or a plain httpGet, or set `run.sidecars: fromStart`, with which "
    "sidecars start with the pod and kubelet runs their probes";

std::optional<int> number_in(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number)
                                                                  : std::nullopt;
}

bool is_address(const std::string& host) {
  std::array<unsigned char, 16> address{};
  return inet_pton(AF_INET, host.c_str(), address.data()) == 1
         || inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
}

std::string text_in(const Node& node, std::string_view field) {
  const Node* found = node.find(field);
  return found == nullptr || found->is_null() ? std::string() : found->text();
}

// Reads what the field table has found to be of the right types.
class CareReader {
public:
  CareReader(const Sidecar& sidecar, Diagnostics& diagnostics)
      : m_sidecar(sidecar), m_diagnostics(diagnostics) {}

  PlanCare read() {
    PlanCare care;
    care.startup = probe(m_sidecar.startup_probe, true);
    care.readiness = probe(m_sidecar.readiness_probe, false);
    care.liveness = probe(m_sidecar.liveness_probe, true);
    care.post_start = hook("postStart");
    care.pre_stop = hook("preStop");
    return care;
  }

private:
  void error(const Node& node, const std::string& path, std::string message) {
    m_diagnostics.add_error(node.where(path), std::move(message));
  }

  // Return a number of seconds, or a count.
  int number(const RawValue& in, std::string_view field, int fallback, int least) {
    const Node* node = in.node.find(field);
    const auto value = node == nullptr ? std::nullopt : node->integer();
    if (!value || (*value == 0 && field != "initialDelaySeconds"))
      return fallback; // 0 is the default to Kubernetes too
    if (*value < least || *value > most_seconds) {
      error(*node, fmt::format("{}.{}", in.path, field),
            fmt::format("found {}, expected {} or more", *value, least));
      return fallback;
    }
    return static_cast<int>(*value);
  }

  Millis seconds(const RawValue& in, std::string_view field, int fallback, int least) {
    return std::chrono::seconds(number(in, field, fallback, least));
  }

  std::optional<PlanProbe> probe(const RawValue& raw, bool succeeds_once) {
    if (!raw)
      return std::nullopt;
    PlanProbe result;
    if (auto found = handler(raw))
      result.handler = *std::move(found);
    else
      error(raw.node, raw.path, "missing exec, httpGet or tcpSocket, which say what to try");
    result.initial_delay = seconds(raw, "initialDelaySeconds", 0, 0);
    result.period = seconds(raw, "periodSeconds", 10, 1);
    result.timeout = seconds(raw, "timeoutSeconds", 1, 1);
    result.failure_threshold = number(raw, "failureThreshold", 3, 1);
    result.success_threshold = number(raw, "successThreshold", 1, 1);
    if (succeeds_once && result.success_threshold != 1)
      error(*raw.node.find("successThreshold"), raw.path + ".successThreshold",
            "Kubernetes wants 1 in startup and liveness probes");
    if (const int grace = number(raw, "terminationGracePeriodSeconds", 0, 1); grace != 0)
      result.grace = std::chrono::seconds(grace);
    return result;
  }

  std::optional<PlanHandler> hook(const std::string& name) {
    const RawValue& lifecycle = m_sidecar.lifecycle;
    const Node* node = lifecycle ? lifecycle.node.find(name) : nullptr;
    if (node == nullptr || node->is_null() || node->size() == 0)
      return std::nullopt;
    return handler({*node, lifecycle.path + "." + name});
  }

  std::optional<PlanHandler> handler(const RawValue& in) {
    std::optional<PlanHandler> result;
    const auto each = [&](std::string_view kind, auto read) {
      const Node* node = in.node.find(kind);
      if (node == nullptr || node->is_null())
        return;
      const std::string path = fmt::format("{}.{}", in.path, kind);
      if (result)
        error(*node, path, "given beside another action; there can be one");
      result.emplace();
      read(RawValue{*node, path}, *result);
    };
    each("exec", [this](const RawValue& exec, PlanHandler& to) { read_exec(exec, to); });
    each("httpGet", [this](const RawValue& get, PlanHandler& to) { read_http_get(get, to); });
    each("tcpSocket", [this](const RawValue& socket, PlanHandler& to) {
      to.kind = PlanHandler::Kind::tcp_socket;
      read_address(socket, to);
    });
    each("grpc", [this](const RawValue& grpc, PlanHandler& /*to*/) {
      error(grpc.node, grpc.path,
            "the agent that starts a sidecar with its Task speaks no grpc" + std::string(way_out));
    });
    each("sleep", [this](const RawValue& sleep, PlanHandler& to) {
      to.kind = PlanHandler::Kind::sleep;
      to.duration = seconds(sleep, "seconds", 0, 1);
    });
    return result;
  }

  void read_exec(const RawValue& exec, PlanHandler& to) {
    const Node* command = exec.node.find("command");
    if (command == nullptr || command->size() == 0) {
      error(exec.node, exec.path + ".command", "missing; it says what to run");
      return;
    }
    for (const Node& word : command->children())
      to.command.push_back(word.text());
  }

  void read_http_get(const RawValue& get, PlanHandler& to) {
    to.kind = PlanHandler::Kind::http_get;
    to.path = text_in(get.node, "path");
    if (!to.path.starts_with('/'))
      to.path.insert(0, "/");
    if (text_in(get.node, "scheme") == "HTTPS")
      error(*get.node.find("scheme"), get.path + ".scheme",
            "the agent that starts a sidecar with its Task speaks no TLS" + std::string(way_out));
    if (const Node* headers = get.node.find("httpHeaders"))
      for (const Node& header : headers->children())
        to.headers.push_back(text_in(header, "name") + ": " + text_in(header, "value"));
    const auto breaks = [](const std::string& text) {
      return text.find_first_of("\r\n") != std::string::npos;
    };
    if (breaks(to.path) || std::any_of(to.headers.begin(), to.headers.end(), breaks))
      error(get.node, get.path, "has a line break in its path or in a header");
    read_address(get, to);
  }

  void read_address(const RawValue& in, PlanHandler& to) {
    to.host = text_in(in.node, "host");
    if (to.host == "localhost")
      to.host.clear();
    if (!to.host.empty() && !is_address(to.host))
      error(*in.node.find("host"), in.path + ".host",
            fmt::format("found \"{}\"; the agent that starts a sidecar with its Task looks up no "
                        "names, so leave it out or give an IP address",
                        to.host));
    const Node* port = in.node.find("port");
    if (port == nullptr || port->is_null()) {
      error(in.node, in.path + ".port", "missing; it says where the sidecar listens");
      return;
    }
    const std::string written = port->is_string() ? port->text() : port->to_json();
    to.port = number_in(written).value_or(port_called(written));
    if (to.port < 1 || to.port > 65535) {
      error(*port, in.path + ".port",
            fmt::format("found \"{}\", expected a number from 1 to 65535 or the name of one of the "
                        "sidecar's ports",
                        written.substr(0, 40)));
      to.port = 0;
    }
  }

  int port_called(std::string_view name) const {
    if (m_sidecar.raw_ports) {
      for (const Node& port : m_sidecar.raw_ports.node.children()) {
        const Node* number = port.find("containerPort");
        if (number != nullptr && text_in(port, "name") == name)
          return static_cast<int>(number->integer().value_or(0));
      }
    }
    return 0;
  }

  const Sidecar& m_sidecar;
  Diagnostics& m_diagnostics;
};

} // namespace

PlanCare care_of(const Sidecar& sidecar, Diagnostics& diagnostics) {
  return CareReader(sidecar, diagnostics).read();
}

std::vector<int> ports_of(const Sidecar& sidecar) {
  std::vector<int> result;
  for (const Located& port : sidecar.ports) {
    const int number = number_in(port.text).value_or(0);
    if (number > 0 && std::find(result.begin(), result.end(), number) == result.end())
      result.push_back(number);
  }
  return result;
}

} // namespace taskgroup
