#include "policyd/ctl/unit_filters.hpp"

#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "common/async/endpoint.hpp"
#include "common/config/config_error.hpp"
#include "common/config/expansion.hpp"
#include "common/config/options.hpp"
#include "common/tables/mysql_table.hpp"
#include "common/text/ascii.hpp"
#include "policyd/ctl/systemd_unit.hpp"
#include "policyd/ctl/table_definition.hpp"

namespace policyd::ctl {
namespace {

/// As the units are shipped. Whoever allows more is taken to allow what is needed.
bool TalksToThisHostAlone(const SystemdUnit& unit) {
    if (unit.List("IPAddressDeny").empty()) return false;
    const std::vector<std::string> allowed = unit.List("IPAddressAllow");
    return std::all_of(allowed.begin(), allowed.end(), [](const std::string& network) {
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
    const SystemdUnit server("policyd");
    const SystemdUnit scanner("policyd-scan");
    std::set<std::pair<std::string, std::string>> checked;
    const auto check = [&](const SystemdUnit& unit, const std::string& option,
                           const std::string& host) {
        if (!checked.emplace(unit.Name(), host).second || !TalksToThisHostAlone(unit) ||
            !MayBeOnAnotherHost(host))
            return;
        const std::string warning = option + ": " + unit.Name() + ".service lets nothing pass to " +
                                    host + ": add its address to IPAddressAllow (systemctl edit " +
                                    unit.Name() + ')';
        report.Warning(config::ConfigError(file.path, file.LineOf(option), warning).what());
    };
    const auto check_redis = [&](const SystemdUnit& unit, const std::string& option,
                                 const std::string& value) {
        constexpr std::string_view kRedis = "redis:";
        if (!value.starts_with(kRedis)) return;
        const async::Endpoint redis = async::ParseEndpoint(value.substr(kRedis.size()));
        if (redis.kind == async::Endpoint::Kind::kInet) check(unit, option, redis.host);
    };
    for (const config::Option& option : config::Options()) {
        const auto* lists = std::get_if<config::Strings config::Settings::*>(&option.field);
        if (lists == nullptr) continue;
        for (const TableDefinition& table : DefinitionsOf(settings.**lists))
            for (const std::string& host : HostsOf(table, settings))
                check(server, std::string(option.name), host);
    }
    for (const SystemdUnit* unit : {&server, &scanner})
        check_redis(*unit, "usage_store", settings.usage_store);
    if (settings.usage_source != "scan")
        check_redis(scanner, "dovecot_quota_clone", settings.dovecot_quota_clone);
}

}  // namespace policyd::ctl
