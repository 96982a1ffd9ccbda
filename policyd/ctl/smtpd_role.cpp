#include "policyd/ctl/smtpd_role.hpp"

#include <algorithm>
#include <iterator>

#include "common/text/ascii.hpp"

namespace policyd::ctl {

namespace {

/// As it is written.
std::string_view PortOf(std::string_view service) {
    service = service.substr(0, service.find('/'));
    const std::size_t host = service.rfind(':');
    return host == service.npos ? service : service.substr(host + 1);
}

bool IsOnPortForSubmission(std::string_view service) {
    constexpr std::string_view kPorts[] = {"submission", "587", "submissions", "smtps", "465"};
    return std::find(std::begin(kPorts), std::end(kPorts), PortOf(service)) != std::end(kPorts);
}

}  // namespace

bool IsForMailServers(std::string_view service) {
    const bool is_on_port = PortOf(service) == "smtp" || PortOf(service) == "25";
    return service == "smtpd/pass" || (is_on_port && service.ends_with("/inet"));
}

bool IsForSubmission(const std::string& service, const PostfixSettings& postfix) {
    return IsOnPortForSubmission(service) ||
           (!IsForMailServers(service) && HasUsersLogIn(service, postfix));
}

bool HasUsersLogIn(const std::string& service, const PostfixSettings& postfix) {
    constexpr const char* kLogsIn = "smtpd_sasl_auth_enable";
    return postfix.IsSetIn(service, kLogsIn) &&
           text::EqualsIgnoringCase(postfix.ValueIn(service, kLogsIn), "yes");
}

bool IsOnLoopback(std::string_view service) {
    constexpr std::string_view kHosts[] = {"127.", "[127.", "[::1]:", "localhost:"};
    return std::any_of(std::begin(kHosts), std::end(kHosts),
                       [&](std::string_view host) { return service.starts_with(host); });
}

}  // namespace policyd::ctl
