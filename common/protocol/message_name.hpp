#pragma once

#include <string>
#include <string_view>

#include "common/protocol/policy_request.hpp"

namespace policyd::protocol {

/// The name of the message that a request is about, on all servers that share a usage store: the
/// Postfix host and its `instance`, which is unique on that host alone. Empty while there is no
/// message: before MAIL was accepted.
inline std::string MessageName(const PolicyRequest& request) {
    if (request.instance.empty()) return {};
    std::string name;
    name.reserve(request.postfix_host.size() + 1 + request.instance.size());
    name += request.postfix_host;
    name += ' ';
    name += request.instance;
    return name;
}

/// Whether MessageName() would be `name`.
inline bool IsMessage(std::string_view name, const PolicyRequest& request) {
    const std::size_t host = request.postfix_host.size();
    return name.size() == host + 1 + request.instance.size() && name.ends_with(request.instance) &&
           name.starts_with(request.postfix_host) && name[host] == ' ';
}

}  // namespace policyd::protocol
