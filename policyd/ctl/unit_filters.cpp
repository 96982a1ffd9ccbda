#include "policyd/ctl/unit_filters.hpp"

#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <set>
#include <sstream>
#include <stdexcept>
#include <utility>
#include <vector>

#include "common/async/endpoint.hpp"
#include "common/config/config_error.hpp"
#include "common/config/expansion.hpp"
#include "common/config/options.hpp"
#include "common/tables/mysql_table.hpp"
#include "common/text/ascii.hpp"
#include "policyd/ctl/program_output.hpp"
#include "policyd/ctl/table_definition.hpp"

namespace policyd::ctl {
namespace {

constexpr const char* kServer = "policyd";
constexpr const char* kScanner = "policyd-scan";

/// With what drop-ins add. Empty without systemd, which alone has it.
std::string PropertyOf(const std::string& unit, const std::string& name) {
    try {
        return OutputOf({"systemctl", "show", "--value", "-p", name, unit + ".service"}).output;
    } catch (const std::runtime_error&) {
        return "";
    }
}

/// As the units are shipped. Whoever allows more is taken to allow what is needed.
bool TalksToThisHostAlone(const std::string& unit) {
    if (text::Trim(PropertyOf(unit, "IPAddressDeny")).empty()) return false;
    std::istringstream allowed(PropertyOf(unit, "IPAddressAllow"));
    return std::all_of(std::istream_iterator<std::string>(allowed), {},
                       [](const std::string& network) {
                           return network == "127.0.0.0/8" || network == "::1/128";
                       });
}

bool IsLoopback(const sockaddr& address) {
    if (address.sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
    const auto& ipv4 = reinterpret_cast<const sockaddr_in&>(address);
    return ntohl(ipv4.sin_addr.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET;
}

/// Of a name that leads nowhere CheckBackEnds tells.
bool MayBeOnAnotherHost(const std::string& host) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return false;
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, &freeaddrinfo);
    for (const addrinfo* address = found; address != nullptr; address = address->ai_next)
        if (!IsLoopback(*address->ai_addr)) return true;
    return false;
}

std::vector<std::string> HostsOf(const TableDefinition& table, const config::Settings& settings) {
    constexpr std::string_view kMysql = "mysql:";
    if (!table.name.starts_with(kMysql)) return {};
    const tables::WarningSink nobody = [](const std::string&) {};
    std::vector<std::string> hosts;
    try {
        const tables::TableFile file(table.name.substr(kMysql.size()), nobody);
        for (const mysql::Server& server :
             tables::ReadAccount(file, settings.mysql_time_limit, nobody).servers)
            if (!server.IsLocal()) hosts.push_back(server.host);
    } catch (const config::ConfigError&) {
        return {};  // CheckBackEnds has reported it
    }
    return hosts;
}

}  // namespace

void WarnOfUnitFilters(const config::ConfigFile& file, Report& report) {
    const config::Settings settings = config::Expanded(file.settings);
    std::set<std::pair<std::string, std::string>> checked;
    const auto check = [&](const std::string& unit, const std::string& option,
                           const std::string& host) {
        if (!checked.emplace(unit, host).second || !TalksToThisHostAlone(unit) ||
            !MayBeOnAnotherHost(host))
            return;
        const std::string warning = option + ": " + unit + ".service lets nothing pass to " + host +
                                    ": add its address to IPAddressAllow (systemctl edit " + unit +
                                    ')';
        report.Warning(config::ConfigError(file.path, file.LineOf(option), warning).what());
    };
    const auto check_redis = [&](const std::string& unit, const std::string& option,
                                 const std::string& value) {
        constexpr std::string_view kRedis = "redis:";
        if (!value.starts_with(kRedis)) return;
        const async::Endpoint server = async::ParseEndpoint(value.substr(kRedis.size()));
        if (server.kind == async::Endpoint::Kind::kInet) check(unit, option, server.host);
    };
    for (const config::Option& option : config::Options()) {
        const auto* lists = std::get_if<config::Strings config::Settings::*>(&option.field);
        if (lists == nullptr) continue;
        for (const TableDefinition& table : DefinitionsOf(settings.**lists))
            for (const std::string& host : HostsOf(table, settings))
                check(kServer, std::string(option.name), host);
    }
    for (const char* unit : {kServer, kScanner})
        check_redis(unit, "usage_store", settings.usage_store);
    if (settings.usage_source != "scan")
        check_redis(kScanner, "dovecot_quota_clone", settings.dovecot_quota_clone);
}

}  // namespace policyd::ctl
