// SPDX-License-Identifier: Apache-2.0
#include "controller/self_test.h"

#include "controller/custom_run.h"
#include "kube/json_fields.h"

#include <fmt/format.h>

#include <utility>

namespace taskgroup {
namespace {

using kube::Json;

const kube::Resource task_groups{
    .group = "taskgroup.dev", .version = "v1alpha1", .plural = "taskgroups"};

// Two tasks, one after the other. Their steps pass the profile `restricted`, and do nothing: the
// agent ends well where it is not told what to do.
Json small_group(const std::string& image) {
  const auto task = [&image](const char* name, Json run_after) {
    return Json{{"name", name},
                {"runAfter", std::move(run_after)},
                {"taskSpec",
                 {{"steps",
                   {{{"name", "nothing"},
                     {"image", image},
                     {"command", {"/taskgroup-agent", "self-test"}}}}}}}};
  };
  return {{"tasks", {task("first", Json::array()), task("second", {"first"})}},
          {"run",
           {{"podTemplate",
             {{"securityContext",
               {{"runAsNonRoot", true}, {"seccompProfile", {{"type", "RuntimeDefault"}}}}}}},
            {"stepTemplate",
             {{"securityContext",
               {{"allowPrivilegeEscalation", false}, {"capabilities", {{"drop", {"ALL"}}}}}}}}}}};
}

class Attempt {
public:
  Attempt(kube::KubeApi& api, const SelfTest& test, kube::Clock& clock, std::stop_token stop)
      : m_api(api),
        m_test(test),
        m_clock(clock),
        m_stop(std::move(stop)),
        m_end(clock.now() + test.patience) {}

  tl::expected<std::string, std::string> see_a_mistake_refused() {
    Json wrong = object("taskgroup.dev/v1alpha1", "TaskGroup", small_group(m_test.agent_image));
    wrong["spec"]["tasks"][0]["runAfter"] = {"second"}; // a cycle, which no schema finds
    const auto made = create(task_groups, wrong);
    if (made) {
      const kube::ObjectKey key{m_test.namespace_name, text_at(made->at("metadata"), "name")};
      (void)m_api.remove(task_groups, key, text_at(made->at("metadata"), "uid"), m_stop);
      return tl::unexpected(fmt::format(
          "a TaskGroup whose tasks wait for each other was let into the namespace {}. The webhook "
          "does not review it: compare the namespaceSelector of the "
          "ValidatingWebhookConfiguration, and look at the log of the webhook",
          m_test.namespace_name));
    }
    if (made.error().kind != kube::ApiError::Kind::invalid)
      return tl::unexpected("a TaskGroup with a mistake could not be sent to be refused: "
                            + made.error().message);
    return "refused a TaskGroup with a mistake: " + made.error().message;
  }

  tl::expected<std::string, std::string> run_a_group() {
    const kube::Resource resource = resource_of(RunKind::custom_run);
    const auto began = m_clock.now();
    const Json run = object("tekton.dev/v1beta1", "CustomRun",
                            {{"customSpec",
                              {{"apiVersion", "taskgroup.dev/v1alpha1"},
                               {"kind", "TaskGroup"},
                               {"spec", small_group(m_test.agent_image)}}}});
    const auto made = create(resource, run);
    if (!made)
      return tl::unexpected("a CustomRun could not be created: " + made.error().message);
    const kube::ObjectKey key{m_test.namespace_name, text_at(made->at("metadata"), "name")};
    std::string last = "nobody answered: is the controller ready?";
    do {
      const auto found = m_api.get(resource, key, m_stop);
      if (!found && !found.error().may_pass())
        return tl::unexpected(fmt::format("CustomRun {}/{} could not be read: {}",
                                          key.namespace_name, key.name, found.error().message));
      const Json condition = found ? condition_of(*found) : Json::object();
      const std::string state = text_at(condition, "status");
      if (!state.empty())
        last = fmt::format("{}: {}", text_at(condition, "reason"), text_at(condition, "message"));
      if (state == "False")
        break;
      if (state == "True") {
        (void)m_api.remove(resource, key, text_at(found->at("metadata"), "uid"), m_stop);
        return fmt::format("ran CustomRun {}/{} to its end in {:.1f} s: {}", key.namespace_name,
                           key.name, std::chrono::duration<double>(m_clock.now() - began).count(),
                           last);
      }
    } while (wait());
    return tl::unexpected(fmt::format("CustomRun {0}/{1} did not succeed; {2}. It is left there: "
                                      "kubectl --namespace {0} describe "
                                      "customrun {1}",
                                      key.namespace_name, key.name, last));
  }

private:
  Json object(const char* api_version, const char* kind, Json spec) const {
    return {{"apiVersion", api_version},
            {"kind", kind},
            {"metadata",
             {{"generateName", "taskgroup-test-"},
              {"namespace", m_test.namespace_name},
              {"labels", {{"app.kubernetes.io/part-of", "taskgroup"}}}}},
            {"spec", std::move(spec)}};
  }

  static Json condition_of(const Json& run) {
    const auto conditions = run.value("/status/conditions"_json_pointer, Json::array());
    return conditions.empty() ? Json::object() : conditions.front();
  }

  // What was installed a moment ago may not answer yet.
  kube::Result<Json> create(const kube::Resource& resource, const Json& one) {
    while (true) {
      auto made = m_api.create(resource, one, m_stop);
      if (made || !made.error().may_pass() || !wait())
        return made;
    }
  }

  bool wait() {
    return m_clock.now() < m_end && m_clock.sleep(std::chrono::milliseconds(500), m_stop);
  }

  kube::KubeApi& m_api;
  const SelfTest& m_test;
  kube::Clock& m_clock;
  std::stop_token m_stop;
  kube::Clock::Time m_end;
};

} // namespace

tl::expected<void, std::string> self_test(kube::KubeApi& api, const SelfTest& test,
                                          kube::Clock& clock,
                                          const std::function<void(const std::string&)>& say,
                                          const std::stop_token& stop) {
  Attempt attempt(api, test, clock, stop);
  if (test.webhook) {
    const auto refused = attempt.see_a_mistake_refused();
    if (!refused)
      return tl::unexpected(refused.error());
    say("The webhook " + *refused);
  }
  const auto ran = attempt.run_a_group();
  if (!ran)
    return tl::unexpected(ran.error());
  say("The controller " + *ran);
  return {};
}

} // namespace taskgroup
