#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "policyd/ctl/report.hpp"

namespace policyd::ctl {

/// What master.cf says of a service that smtpd(8) serves.
struct SmtpdService {
    bool is_chrooted = false;
    std::string process_limit = "-";  ///< maxproc; "-": default_process_limit, "0": none
};

/// The parameters of a Postfix instance.
struct PostfixSettings {
    using Values = std::map<std::string, std::string>;

    std::string directory;  ///< where its main.cf is
    Values values;          ///< with $names expanded, as postconf -x has them
    /// What main.cf says of parameters that Postfix does not know, and postconf does not print.
    Values unknown;
    /// What master.cf sets by `-o`, for each service by a name such as "submission/inet".
    std::map<std::string, Values> of_service;
    /// By the same names.
    std::map<std::string, SmtpdService> smtpd = {};
    std::set<std::string> cleanup = {};  ///< those that cleanup(8) serves

    /// The value in force, or one that Postfix does not know; nothing for neither.
    std::optional<std::string> Find(const std::string& name) const;

    /// By `-o`, in a service of master.cf.
    bool IsSetIn(const std::string& service, const std::string& name) const;
    /// The value in force in a service of master.cf; empty where there is none.
    std::string ValueIn(const std::string& service, const std::string& name) const;
    /// Of smtpd at a stage: "client", "recipient", "end_of_data".
    std::string RestrictionsIn(const std::string& service, const std::string& stage) const {
        return ValueIn(service, "smtpd_" + stage + "_restrictions");
    }

    /// Where a parameter stands, for a warning.
    std::string MainCf(const std::string& parameter) const {
        return directory + "/main.cf: " + parameter;
    }
    std::string MasterCf(const std::string& service, const std::string& parameter) const {
        return directory + "/master.cf: " + service + ": -o " + parameter;
    }
    /// Of a value that is in force in a service.
    std::string PlaceIn(const std::string& service, const std::string& parameter) const;
};

/// Asks `postconf -c directory -x`, with `-P` and with `-F` as well, and reports what it warns of.
/// Throws std::runtime_error where that fails.
PostfixSettings ReadPostfixSettings(const std::string& directory, Report& report);

}  // namespace policyd::ctl
