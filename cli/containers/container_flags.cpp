// SPDX-License-Identifier: Apache-2.0
#include "cli/containers/container_flags.h"

#include <taskgroup/quantity.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <thread>

namespace taskgroup::containers {

namespace {

using nlohmann::json;

json object_of(const std::string& text) {
  json value = json::parse(text, nullptr, false);
  return value.is_object() ? value : json::object();
}

std::string text_of(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    result += c;
    if (c == '"')
      result += c;
  }
  return result + '"';
}

// The user that the container runs as, where the pod says so.
std::string user_of(const json& security) {
  std::string user;
  if (const auto uid = security.find("runAsUser"); uid != security.end())
    user = text_of(*uid);
  if (const auto gid = security.find("runAsGroup"); gid != security.end())
    user = fmt::format("{}:{}", user.empty() ? "0" : user, text_of(*gid));
  return user;
}

// Tell why kubelet would not start it as a user who is not root; empty if it would.
std::string refusal_of_root(const json& security, const Image& image) {
  if (!security.value("runAsNonRoot", false))
    return {};
  const std::string user =
      security.contains("runAsUser") ? text_of(security["runAsUser"]) : image.user;
  const std::string name = user.substr(0, user.find(':'));
  if (name.empty() || name == "0" || name == "root")
    return "runAsNonRoot is true, and the image runs as root; set runAsUser";
  if (name.find_first_not_of("0123456789") != std::string::npos)
    return fmt::format("runAsNonRoot is true, and the image's user \"{}\" is no number, so that it "
                       "may be root; set runAsUser",
                       name);
  return {};
}

void add_limits(const json& limits, const Dialect& dialect, Command& flags) {
  if (const auto memory = limits.find("memory");
      memory != limits.end() && dialect.limits("memory")) {
    if (const auto bytes = parse_amount(text_of(*memory)))
      flags.push_back(fmt::format("--memory={}", *bytes));
  }
  if (const auto cpu = limits.find("cpu"); cpu != limits.end() && dialect.limits("cpu")) {
    const std::int64_t all = std::int64_t{1000} * std::max(1U, std::thread::hardware_concurrency());
    if (const auto millis = parse_cpu(text_of(*cpu)); millis && *millis > 0 && *millis < all)
      flags.push_back(fmt::format("--cpus={}.{:03}", *millis / 1000, *millis % 1000));
  }
}

} // namespace

tl::expected<Command, std::string> container_flags(const std::string& fields,
                                                   const std::string& pod_security,
                                                   const Image& image, const Dialect& dialect) {
  const json container = object_of(fields);
  json security = json::object();
  const json pod = object_of(pod_security);
  for (const char* key : {"runAsUser", "runAsGroup", "runAsNonRoot"}) {
    if (pod.contains(key))
      security[key] = pod[key];
  }
  if (const auto own = container.find("securityContext");
      own != container.end() && own->is_object())
    security.update(*own);

  if (std::string refusal = refusal_of_root(security, image); !refusal.empty())
    return tl::make_unexpected(std::move(refusal));

  Command flags;
  if (const std::string user = user_of(security); !user.empty())
    flags.push_back("--user=" + user);
  if (security.value("privileged", false))
    flags.emplace_back("--privileged");
  if (security.value("readOnlyRootFilesystem", false))
    flags.emplace_back("--read-only");
  if (!security.value("allowPrivilegeEscalation", true))
    flags.emplace_back("--security-opt=no-new-privileges");
  if (const auto capabilities = security.find("capabilities");
      capabilities != security.end() && capabilities->is_object()) {
    for (const auto& [key, flag] : {std::pair{"drop", "--cap-drop="}, {"add", "--cap-add="}}) {
      for (const json& name : capabilities->value(key, json()))
        flags.push_back(flag + text_of(name));
    }
  }
  if (const auto limits = "/resources/limits"_json_pointer; container.contains(limits))
    add_limits(container[limits], dialect, flags);
  return flags;
}

bool is_honoured(std::string_view path, const Dialect& dialect) {
  const std::string_view name = path.substr(path.rfind('.') + 1);
  if (name == "limits")
    return dialect.limits("memory") && dialect.limits("cpu");
  static constexpr std::array<std::string_view, 9> names = {"image",
                                                            "imagePullPolicy",
                                                            "capabilities",
                                                            "privileged",
                                                            "runAsUser",
                                                            "runAsGroup",
                                                            "runAsNonRoot",
                                                            "readOnlyRootFilesystem",
                                                            "allowPrivilegeEscalation"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string mount_flag(const std::string& source, const std::string& target, bool read_only) {
  return fmt::format("--mount=type=bind,{},{}{}", quoted("source=" + source),
                     quoted("target=" + target), read_only ? ",readonly" : "");
}

} // namespace taskgroup::containers
