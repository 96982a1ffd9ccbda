#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace policyd::ctl {

/// A policy service that a list of Postfix's restrictions asks.
struct AskedService {
    std::string endpoint;
    std::vector<std::string> attributes;  ///< in braces behind it, each as it is written
    std::string behind;  ///< what decides in any case before it is asked; empty: nothing
    /// Behind reject_unauth_destination or another of its kind: asked about our own domains only.
    bool is_guarded = false;
    bool skips_users = false;  ///< behind permit_sasl_authenticated: not asked about who logs in
    bool is_by_table = false;  ///< only in a class that an access table may answer with
    bool only_warns = false;   ///< by warn_if_reject: what it refuses is let in
};

/// Restrictions by the names of smtpd_restriction_classes.
using RestrictionClasses = std::map<std::string, std::string>;

/// Those that a list asks (postconf(5), smtpd_recipient_restrictions), classes included. Any access
/// table may answer with a class, so that a list that asks nobody else is taken to come to all of
/// them. Throws std::invalid_argument for a list that cannot be read.
std::vector<AskedService> ServicesAskedBy(const std::string& restrictions,
                                          const RestrictionClasses& classes);

/// The words of a list of restrictions, which may have mistakes, in lower case.
std::vector<std::string> WordsOf(std::string_view restrictions);

}  // namespace policyd::ctl
