// SPDX-License-Identifier: Apache-2.0
#include "kube/base64.h"
#include "kube/cluster_config.h"
#include "kube/credentials.h"
#include "kube/exec_plugin.h"
#include "kube/fake_clock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace taskgroup::kube {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class ClusterConfigTest : public testing::Test {
protected:
  ClusterConfigTest() {
    std::string path = testing::TempDir() + "kubeXXXXXX";
    folder = ::mkdtemp(path.data());
  }
  ~ClusterConfigTest() override { std::filesystem::remove_all(folder); }

  std::string write(const std::string& name, const std::string& text,
                    bool executable = false) const {
    const std::string path = folder + "/" + name;
    std::ofstream(path) << text;
    if (executable) {
      std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    }
    return path;
  }

  // A kubeconfig of one context with these members of its cluster and user.
  ConfigResult read(const std::string& cluster, const std::string& user = "{}") const {
    return kubeconfig(write("config", "current-context: c\n"
                                      "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
                                      "clusters: [{name: k, cluster: "
                                          + cluster + "}]\nusers: [{name: u, user: " + user
                                          + "}]\n"));
  }

  std::string folder;
};

TEST_F(ClusterConfigTest, ReadsTheServersAddress) {
  const auto address = [&](const std::string& server) {
    const auto config = read("{server: \"" + server + "\"}");
    return config ? (config->tls ? "tls " : "") + config->host + " " + std::to_string(config->port)
                        + " " + config->path_prefix
                  : config.error();
  };
  EXPECT_EQ(address("https://10.0.0.1:6443"), "tls 10.0.0.1 6443 ");
  EXPECT_EQ(address("https://api.example.dev/clusters/a/"), "tls api.example.dev 443 /clusters/a");
  EXPECT_EQ(address("http://localhost"), "localhost 80 ");
  EXPECT_EQ(address("https://[fd00::1]:8443"), "tls fd00::1 8443 ");
  for (const char* wrong : {"", "10.0.0.1", "https://", "https://a:b", "https://a:0",
                            "https://[fd00::1", "https://u@h"}) {
    EXPECT_THAT(address(wrong), HasSubstr("cluster \"k\".server")) << wrong;
  }
}

TEST_F(ClusterConfigTest, ReadsCertificatesFromDataAndFiles) {
  write("ca.pem", "from a file");
  const auto config = read("{server: 'https://h', certificate-authority: ca.pem}",
                           "{client-certificate-data: Y2VydA==, client-key-data: a2V5, token: t}");
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->ca, "from a file");
  EXPECT_EQ(config->client_certificate, "cert");
  EXPECT_EQ(config->client_key, "key");
  EXPECT_EQ(config->token, "t");
  EXPECT_EQ(config->namespace_name, "default");
}

TEST_F(ClusterConfigTest, RefusesWhatItCannotDo) {
  const std::string server = "server: 'https://h'";
  EXPECT_THAT(read("{" + server + ", proxy-url: 'http://p'}").error(),
              HasSubstr("cluster \"k\".proxy-url: not supported here"));
  EXPECT_THAT(read("{" + server + "}", "{username: a, password: b}").error(),
              HasSubstr("user \"u\".username: not supported here"));
  EXPECT_THAT(read("{" + server + "}", "{auth-provider: {name: gcp}}").error(),
              HasSubstr("auth-provider"));
  EXPECT_THAT(read("{" + server + "}", "{token: t, as: admin}").error(), HasSubstr(".as: not"));
  EXPECT_THAT(read("{" + server + "}", "{client-key-data: a2V5}").error(),
              HasSubstr("belong together"));
  EXPECT_THAT(read("{" + server + ", certificate-authority-data: '!'}").error(),
              HasSubstr("certificate-authority-data: is no base64"));
  EXPECT_THAT(read("{" + server + ", certificate-authority: none.pem}").error(),
              HasSubstr("none.pem cannot be read"));
  EXPECT_THAT(
      read("{" + server + ", insecure-skip-tls-verify: true, certificate-authority-data: YQ==}")
          .error(),
      HasSubstr("drop one"));
  EXPECT_THAT(read("{" + server + "}",
                   "{exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: x}}")
                  .error(),
              HasSubstr("exec.apiVersion"));
}

TEST_F(ClusterConfigTest, SaysWhatIsWrongWithAFile) {
  EXPECT_THAT(kubeconfig(folder + "/none").error(), HasSubstr("none: cannot be read"));
  EXPECT_THAT(kubeconfig(write("a", "[")).error(), HasSubstr("is no YAML"));
  EXPECT_THAT(kubeconfig(write("a", "text")).error(), HasSubstr("is no kubeconfig"));
  EXPECT_THAT(kubeconfig(write("a", "a: 1")).error(), HasSubstr("current-context is not set"));
  EXPECT_THAT(kubeconfig(write("a", "a: 1"), "b").error(),
              HasSubstr("contexts: has no entry \"b\""));
  EXPECT_THAT(kubeconfig(write("a", "contexts: 1"), "b").error(), HasSubstr("contexts"));
}

TEST_F(ClusterConfigTest, ReadsThePodsOwn) {
  write("token", "t");
  write("ca.crt", "ca");
  write("namespace", "ns");
  const Environment environment{{"KUBERNETES_SERVICE_HOST", "fd00::1"},
                                {"KUBERNETES_SERVICE_PORT", "443"}};
  const auto config = in_cluster_config(environment, folder);
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->host, "fd00::1");
  EXPECT_EQ(config->token_file, folder + "/token");
  EXPECT_EQ(config->ca, "ca");
  EXPECT_EQ(config->namespace_name, "ns");
  EXPECT_THAT(in_cluster_config({}, folder).error(), HasSubstr("this is no pod"));
  EXPECT_THAT(in_cluster_config(environment, folder + "/none").error(),
              HasSubstr("automountServiceAccountToken"));
}

TEST_F(ClusterConfigTest, FindsTheConfigWhereKubectlDoes) {
  ASSERT_TRUE(read("{server: 'https://h'}"));
  EXPECT_TRUE(find_config("", {{"KUBECONFIG", folder + "/config"}}));
  EXPECT_TRUE(find_config(folder + "/config", {}));
  EXPECT_THAT(find_config("", {{"KUBECONFIG", "a:b"}}).error(), HasSubstr("a:b: there is no such"));
  EXPECT_THAT(find_config("", {{"HOME", folder}}).error(), HasSubstr("no cluster is configured"));
  EXPECT_THAT(find_config(folder + "/config", {}, "d").error(),
              HasSubstr("contexts: has no entry \"d\". There is c"));
}

TEST_F(ClusterConfigTest, ReadsSeveralFilesAsOne) {
  std::filesystem::create_directory(folder + "/sub");
  write("sub/ca.pem", "of sub");
  write("ca.pem", "of the folder");
  const std::string first =
      write("sub/first", "contexts: [{name: a, context: {cluster: k}}]\n"
                         "clusters: [{name: k, cluster: {server: 'https://one',"
                         " certificate-authority: ca.pem}}]\n");
  const std::string second = write(
      "second", "current-context: b\n"
                "contexts: [{name: b, context: {cluster: l, namespace: n}},"
                " {name: a, context: {cluster: l}}]\n"
                "clusters: [{name: k, cluster: {server: 'https://two'}},"
                " {name: l, cluster: {server: 'https://l', certificate-authority: ca.pem}}]\n");
  const std::string third = write("third", "current-context: a\n");
  const Environment environment{
      {"KUBECONFIG", folder + "/none:" + first + ":" + second + "::" + third},
      {"KUBERNETES_SERVICE_HOST", "10.0.0.1"}};

  const auto current = find_config("", environment);
  ASSERT_TRUE(current) << current.error();
  EXPECT_EQ(current->host, "l");
  EXPECT_EQ(current->namespace_name, "n");
  EXPECT_EQ(current->ca, "of the folder");

  const auto chosen = find_config("", environment, "a");
  ASSERT_TRUE(chosen) << chosen.error();
  EXPECT_EQ(chosen->host, "one");
  EXPECT_EQ(chosen->ca, "of sub");

  EXPECT_THAT(find_config("", environment, "c").error(),
              HasSubstr("second:" + third + ": contexts: has no entry \"c\". There is a, b, a"));
}

// A plugin that prints `token` and counts its runs.
class CredentialsTest : public ClusterConfigTest {
protected:
  ClusterConfig with_plugin(const std::string& status, const std::string& more = "") const {
    write(
        "plugin",
        "#!/bin/sh\n" + more + "echo run >>\"$(dirname \"$0\")/runs\"\n"
            + "printf %s \"$KUBERNETES_EXEC_INFO $1 $FROM\" >\"$(dirname \"$0\")/info\"\n"
              "cat <<'END'\n"
              R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":)"
            + status + "}\nEND\n",
        true);
    auto config = read("{server: 'https://h'}",
                       "{exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, "
                       "args: [one], env: [{name: FROM, value: env}], provideClusterInfo: true, "
                       "installHint: get it}}");
    EXPECT_TRUE(config) << config.error();
    return *config;
  }
  std::string content(const std::string& name) const {
    std::ifstream file(folder + "/" + name);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  std::size_t runs() const { return content("runs").size() / 4; }

  std::shared_ptr<FakeClock> clock = std::make_shared<FakeClock>();
};

TEST_F(CredentialsTest, APluginIsTrustedUntilItsCredentialExpiresOrIsRefused) {
  Credentials credentials(
      with_plugin(R"({"token":"t","expirationTimestamp":"2026-01-01T01:00:00Z"})"), clock);
  const auto first = credentials.get({});
  ASSERT_TRUE(first) << first.error();
  EXPECT_EQ(first->token, "t");
  EXPECT_TRUE(credentials.get({}));
  EXPECT_EQ(runs(), 1U);
  EXPECT_EQ(content("info"),
            R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":)"
            R"({"cluster":{"server":"https://h"},"interactive":false}} one env)");

  EXPECT_TRUE(credentials.reject(first->number));
  const auto second = credentials.get({});
  EXPECT_EQ(runs(), 2U);
  EXPECT_TRUE(credentials.reject(first->number)); // another call has found out already
  EXPECT_TRUE(credentials.get({}));
  EXPECT_EQ(runs(), 2U);
  clock->advance(1h);
  EXPECT_TRUE(credentials.get({}));
  EXPECT_EQ(runs(), 3U);
}

TEST_F(CredentialsTest, SaysWhyAPluginIsOfNoUse) {
  const auto error = [&](const std::string& status, const std::string& more = "") {
    Credentials credentials(with_plugin(status, more), clock);
    return credentials.get({}).error();
  };
  EXPECT_THAT(error("{}"), HasSubstr("neither token nor clientCertificateData"));
  EXPECT_THAT(error("1"), HasSubstr("no ExecCredential"));
  EXPECT_THAT(error(R"({"clientKeyData":"k","token":"t"})"), HasSubstr("belong together"));
  EXPECT_THAT(error(R"({"token":"t","expirationTimestamp":"soon"})"), HasSubstr("is no time"));
  EXPECT_THAT(error("{}", "exit 3\n"), HasSubstr("exit code 3"));
  EXPECT_THAT(error("{}", "kill -9 $$\n"), HasSubstr("signal 9"));
  std::filesystem::remove(folder + "/plugin");
  const auto config = *kubeconfig(folder + "/config");
  EXPECT_THAT(Credentials(config, clock).get({}).error(), HasSubstr("cannot be started: No such"));
  EXPECT_THAT(Credentials(config, clock).get({}).error(), HasSubstr("get it"));
}

TEST_F(CredentialsTest, APluginThatHangsIsEnded) {
  const auto config = with_plugin("{}", "exec sleep 1000\n");
  EXPECT_THAT(run_plugin(*config.exec, 50ms, {}).error(), HasSubstr("took too long"));
  std::stop_source source;
  source.request_stop();
  EXPECT_THAT(run_plugin(*config.exec, 1h, source.get_token()).error(), HasSubstr("was stopped"));
}

TEST_F(CredentialsTest, ATokenFileIsReadAgainEachMinute) {
  ClusterConfig config;
  config.token_file = write("token", "one\n");
  Credentials credentials(config, clock);
  EXPECT_EQ(credentials.get({})->token, "one");
  write("token", "two");
  EXPECT_EQ(credentials.get({})->token, "one");
  clock->advance(1min);
  EXPECT_EQ(credentials.get({})->token, "two");
  write("token", ""); // in the middle of being replaced
  clock->advance(1min);
  EXPECT_EQ(credentials.get({})->token, "two");

  config.token_file = folder + "/none";
  EXPECT_THAT(Credentials(config, clock).get({}).error(), HasSubstr("missing or empty"));
}

TEST_F(CredentialsTest, AFixedTokenCannotBeRenewed) {
  ClusterConfig config;
  config.token = "t";
  Credentials credentials(config, clock);
  EXPECT_EQ(credentials.get({})->token, "t");
  EXPECT_FALSE(credentials.reject(1));
}

TEST(Base64, ReadsTheStandardAlphabet) {
  EXPECT_EQ(decode_base64(""), "");
  EXPECT_EQ(decode_base64("Zm9v\nYmFy"), "foobar");
  EXPECT_EQ(decode_base64("Zm9vYg=="), "foob");
  EXPECT_EQ(decode_base64("Zm9vYmE="), "fooba");
  EXPECT_EQ(decode_base64("+/8="), "\xfb\xff");
  for (const char* wrong : {"Z", "Zm9vYg=", "Z===", "Zg==Zg==", "Zm-v"}) {
    EXPECT_EQ(decode_base64(wrong), std::nullopt) << wrong;
  }
}

} // namespace
} // namespace taskgroup::kube
