// SPDX-License-Identifier: Apache-2.0
#include "core/planning/field_rows.h"

namespace taskgroup::field_rows {
namespace {

using enum FieldType;

constexpr std::string_view no_image = "the host's own programs run";
constexpr std::string_view no_terminal =
    "a sidecar's stdin is empty, and it has no terminal; give it a command that waits by itself, "
    "such as `sleep infinity`";
constexpr std::string_view no_message = "nobody reads the message that a sidecar leaves";
constexpr std::string_view host_network = "on the host sidecars share the host's network";

constexpr Field sidecar[] = {
    takes("name", string),
    host_ignores("image", string, no_image),
    takes("command", strings),
    takes("args", strings),
    takes("workingDir", string),
    takes("ports", objects, ObjectKind::container_port),
    host_refuses("envFrom", objects,
                 "on the host there is no cluster to take them from; list the variables under "
                 "`env`"),
    takes("env", objects, ObjectKind::env_var),
    takes("computeResources", object, ObjectKind::resources, v1),
    takes("resources", object, ObjectKind::resources, v1beta1),
    takes("volumeMounts", objects, ObjectKind::volume_mount),
    refuses("volumeDevices", objects, "not supported yet; share files by a workspace"),
    takes("livenessProbe", object, ObjectKind::probe),
    takes("readinessProbe", object, ObjectKind::probe),
    takes("startupProbe", object, ObjectKind::probe),
    takes("lifecycle", object, ObjectKind::lifecycle),
    ignores("terminationMessagePath", string, no_message),
    ignores("terminationMessagePolicy", string, no_message),
    host_ignores("imagePullPolicy", string, no_image),
    takes("securityContext", object, ObjectKind::security_context),
    refuses("stdin", boolean, no_terminal),
    refuses("stdinOnce", boolean, no_terminal),
    refuses("tty", boolean, no_terminal),
    takes("script", string),
    takes("workspaces", objects, ObjectKind::workspace_usage),
    refuses("restartPolicy", string,
            "a sidecar that kubelet restarts lives to the pod's end, with all tasks of the group; "
            "leave it out, and it is started and stopped with its Task"),
};

constexpr Field container_port[] = {
    takes("name", string),
    takes("containerPort", integer),
    takes("protocol", string),
    host_ignores("hostPort", integer, host_network),
    host_ignores("hostIP", string, host_network),
};

constexpr Field probe[] = {
    takes("exec", object, ObjectKind::exec_action),
    takes("httpGet", object, ObjectKind::http_get_action),
    takes("tcpSocket", object, ObjectKind::tcp_socket_action),
    takes("grpc", object, ObjectKind::grpc_action),
    takes("initialDelaySeconds", integer),
    takes("timeoutSeconds", integer),
    takes("periodSeconds", integer),
    takes("successThreshold", integer),
    takes("failureThreshold", integer),
    takes("terminationGracePeriodSeconds", integer),
};

constexpr Field exec_action[] = {
    takes("command", strings),
};

constexpr Field http_get_action[] = {
    takes("path", string),
    takes("port", quantity), // a number, or the name of one
    takes("host", string),
    takes("scheme", string),
    takes("httpHeaders", objects, ObjectKind::http_header),
};

constexpr Field http_header[] = {
    takes("name", string),
    takes("value", string),
};

constexpr Field tcp_socket_action[] = {
    takes("port", quantity),
    takes("host", string),
};

constexpr Field grpc_action[] = {
    takes("port", integer),
    takes("service", string),
};

constexpr Field lifecycle[] = {
    takes("postStart", object, ObjectKind::lifecycle_handler),
    takes("preStop", object, ObjectKind::lifecycle_handler),
    refuses("stopSignal", string, "a sidecar is stopped by TERM; leave it out"),
};

constexpr Field lifecycle_handler[] = {
    takes("exec", object, ObjectKind::exec_action),
    takes("httpGet", object, ObjectKind::http_get_action),
    refuses("tcpSocket", object, "Kubernetes runs no such hook; use exec or httpGet"),
    takes("sleep", object, ObjectKind::sleep_action),
};

constexpr Field sleep_action[] = {
    takes("seconds", integer),
};

constexpr ObjectFields table[] = {
    {ObjectKind::sidecar, "Sidecar", "`sidecars` of a Task", sidecar},
    {ObjectKind::container_port, "ContainerPort", "`ports` of a sidecar", container_port},
    {ObjectKind::probe, "Probe", "`startupProbe`, `readinessProbe`, `livenessProbe` of a sidecar",
     probe},
    {ObjectKind::exec_action, "ExecAction", "`exec` of a probe or hook", exec_action},
    {ObjectKind::http_get_action, "HTTPGetAction", "`httpGet` of a probe or hook", http_get_action},
    {ObjectKind::http_header, "HTTPHeader", "`httpHeaders`", http_header},
    {ObjectKind::tcp_socket_action, "TCPSocketAction", "`tcpSocket` of a probe", tcp_socket_action},
    {ObjectKind::grpc_action, "GRPCAction", "`grpc` of a probe", grpc_action},
    {ObjectKind::lifecycle, "Lifecycle", "`lifecycle` of a sidecar", lifecycle},
    {ObjectKind::lifecycle_handler, "LifecycleHandler", "`postStart` and `preStop`",
     lifecycle_handler},
    {ObjectKind::sleep_action, "SleepAction", "`sleep` of a hook", sleep_action},
};

} // namespace

std::span<const ObjectFields> sidecars() { return table; }

} // namespace taskgroup::field_rows
