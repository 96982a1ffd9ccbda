#include "policyd/ctl/postfix_comparison.hpp"

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <utility>

#include "common/config/expansion.hpp"
#include "common/config/values.hpp"
#include "common/tables/table_list.hpp"
#include "common/tables/table_registry.hpp"
#include "common/text/ascii.hpp"
#include "policyd/checks/access_result.hpp"

namespace policyd::ctl {
namespace {

using config::Option;
using config::Settings;
using config::Strings;

/// An element of a list in its parts: `!`, `proxy:` and a table, or a word.
struct Element {
    explicit Element(std::string_view text) {
        constexpr std::string_view kProxy = "proxy:";
        negation = text.substr(0, text.find_first_not_of('!'));
        text.remove_prefix(negation.size());
        is_behind_proxy = text.starts_with(kProxy);
        table = text.substr(is_behind_proxy ? kProxy.size() : 0);
    }

    bool IsTable() const { return tables::IsTableSpec(table); }
    std::string_view Type() const { return table.substr(0, table.find(':')); }

    std::string_view negation;
    bool is_behind_proxy = false;
    std::string_view table;
};

/// `proxy:` in front of a table changes who asks it, not what it answers, but for keys in upper
/// case in texthash: and inline: tables.
std::string WithoutNeedlessProxy(const std::string& text) {
    const Element element(text);
    const bool matters = element.Type() == "texthash" || element.Type() == "inline";
    if (!element.is_behind_proxy || matters) return text;
    return std::string(element.negation) + std::string(element.table);
}

bool IsUnknownTable(const std::string& text) {
    const Element element(text);
    return element.IsTable() && !tables::TableRegistry::Knows(element.Type());
}

/// The elements of lists, each as a function has it.
template <typename As>
Strings ElementsOf(const Strings& lists, As as) {
    Strings elements;
    for (const std::string& list : lists)
        for (const std::string& element : config::ParseList(list)) elements.push_back(as(element));
    return elements;
}

/// The tables of lists whose types do not exist here.
Strings UnknownTables(const Strings& lists) {
    Strings unknown;
    for (const std::string& element : ElementsOf(lists, WithoutNeedlessProxy))
        if (IsUnknownTable(element)) unknown.emplace_back(Element(element).table);
    return unknown;
}

/// Whether our lists have nothing that theirs have not.
bool HasNothingMore(const Strings& ours, const Strings& theirs) {
    const Strings known = ElementsOf(theirs, WithoutNeedlessProxy);
    const Strings elements = ElementsOf(ours, WithoutNeedlessProxy);
    return std::all_of(elements.begin(), elements.end(), [&](const std::string& element) {
        return config::Contains(known, element);
    });
}

/// Whether policyd refuses for good who stands in none of the tables of an option. A list of all
/// recipients that is empty has everybody.
bool RefusesWhoIsNotIn(const Option& option, const Settings& ours) {
    const bool refuses = config::Contains(ours.checks, "recipient") &&
                         !config::Contains(ours.dry_run, "recipient") &&
                         checks::RefusesForGood(ours.unknown_recipient_action);
    if (!refuses) return false;
    const bool has_aliases = option.name == "virtual_alias_maps" ||
                             option.name == "canonical_maps" ||
                             option.name == "recipient_canonical_maps";
    if (has_aliases && !ours.virtual_alias_domains.empty()) return true;
    for (const auto& [name, recipients] :
         {std::pair("virtual_mailbox_maps", &ours.virtual_mailbox_maps),
          std::pair("relay_recipient_maps", &ours.relay_recipient_maps),
          std::pair("local_recipient_maps", &ours.local_recipient_maps)})
        if ((has_aliases || option.name == name) && !recipients->empty()) return true;
    return false;
}

/// What main.cf has for an option in tables of types that do not exist here.
void ReportUnknownTables(const Option& option, const std::string& place, const Settings& ours,
                         const Settings& wanted, const Strings& unknown, Report& report) {
    const auto list = std::get<Strings Settings::*>(option.field);
    const std::string text = place + ": main.cf has " + config::QuotedList(unknown) +
                             ": there are no such tables here, ";
    // What stands for them here, perhaps, is not for us to judge.
    if (!RefusesWhoIsNotIn(option, ours) || !HasNothingMore(ours.*list, wanted.*list))
        return report.Warning(text + "and what they say is not followed");
    report.Error(text +
                 "and whoever stands only in them is refused for good: have these recipients in a "
                 "table of another type as well, or set unknown_recipient_action = \"DUNNO\"");
}

/// The value in a form in which only real differences are left.
Settings Comparable(Settings settings, const Option& option) {
    const auto* list = std::get_if<Strings Settings::*>(&option.field);
    if (list == nullptr) return settings;
    settings.** list = ElementsOf(settings.**list, WithoutNeedlessProxy);
    const bool order_matters =
        option.name.ends_with("_maps") ||
        std::any_of((settings.**list).begin(), (settings.**list).end(),
                    [](const std::string& element) { return element.starts_with('!'); });
    if (!order_matters) std::sort((settings.**list).begin(), (settings.**list).end());
    return settings;
}

/// myorigin may be the name of a file whose first line is meant.
std::string ValueMeant(const Option& option, const std::string& value) {
    if (option.name != "myorigin" || !value.starts_with('/')) return value;
    std::ifstream file(value);
    std::string line;
    std::getline(file, line);
    return std::string(text::Trim(line));
}

bool MayDiffer(const Option& option, const Settings& ours, const std::string& theirs) {
    if (option.name == "inet_interfaces") return true;
    if (option.name == "virtual_mailbox_base") return theirs.empty();  // no virtual(8) there
    return option.name == "local_recipient_maps" && ours.local_recipient_maps.empty();
}

/// The Postfix of a front end relays and needs none, policyd looks for mailboxes behind the relay.
bool IsForPolicydAlone(const Option& option, const PostfixSettings& postfix,
                       const std::string& theirs) {
    return option.name == "virtual_mailbox_maps" && theirs.empty() &&
           postfix.Find("virtual_mailbox_domains").value_or("").empty();
}

/// Our settings with Postfix's value of one. Throws std::invalid_argument where it is not accepted.
Settings WithPostfixs(const Settings& ours, const Option& option, const std::string& theirs) {
    Settings wanted = ours;
    config::Assign(wanted, option, ValueMeant(option, theirs));
    return wanted;
}

bool Differ(const Settings& ours, const Settings& wanted, const Option& option) {
    return !(Comparable(wanted, option) == Comparable(ours, option));
}

/// The value of an option as policyd.toml is to have it, where a dollar sign is written twice.
std::string AsWritten(const Settings& settings, const Option& option) {
    std::string written;
    for (const char c : config::Show(settings, option)) written.append(c == '$' ? 2 : 1, c);
    return written;
}

void CompareOption(const config::ConfigFile& file, const Settings& ours, const Option& option,
                   const std::string& theirs, Report& report) {
    const std::string name(option.name);
    const std::string place = config::ConfigError(file.path, file.LineOf(name), name).what();
    try {
        const Settings wanted = WithPostfixs(ours, option, theirs);
        if (!Differ(ours, wanted, option)) return;
        const auto* const list = std::get_if<Strings Settings::*>(&option.field);
        if (list != nullptr) {
            const Strings unknown = UnknownTables(wanted.**list);
            if (!unknown.empty())
                return ReportUnknownTables(option, place, ours, wanted, unknown, report);
        }
        report.Warning(place + " is " + config::Show(ours, option) +
                       ", but main.cf has another value: set " + name + " = " +
                       AsWritten(wanted, option));
    } catch (const std::invalid_argument& error) {
        report.Warning(place + ": Postfix's value is not accepted here: " + error.what());
    }
}

}  // namespace

bool DiffersFromPostfix(const Settings& ours, const Option& option, const std::string& theirs) {
    if (MayDiffer(option, ours, theirs)) return false;
    try {
        return Differ(ours, WithPostfixs(ours, option, theirs), option);
    } catch (const std::invalid_argument&) {
        return true;
    }
}

void CompareWithPostfix(const config::ConfigFile& file, const PostfixSettings& postfix,
                        Report& report) {
    const Settings ours = config::Expanded(file.settings);
    for (const Option& option : config::Options()) {
        const auto theirs = postfix.values.find(std::string(option.name));
        if (theirs == postfix.values.end() || MayDiffer(option, ours, theirs->second) ||
            IsForPolicydAlone(option, postfix, theirs->second))
            continue;
        CompareOption(file, ours, option, theirs->second, report);
    }
}

}  // namespace policyd::ctl
