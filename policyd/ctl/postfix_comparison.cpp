#include "policyd/ctl/postfix_comparison.hpp"

#include <algorithm>
#include <fstream>
#include <stdexcept>

#include "common/config/expansion.hpp"
#include "common/config/values.hpp"
#include "common/tables/table_list.hpp"
#include "common/tables/table_registry.hpp"
#include "common/text/ascii.hpp"

namespace policyd::ctl {
namespace {

using config::Option;
using config::Settings;
using config::Strings;

constexpr std::string_view kProxy = "proxy:";

std::string_view TypeOf(std::string_view table) {
    return table.substr(0, table.find(':'));
}

/// What postmap(1) compiles a text file to.
bool IsCompiled(std::string_view table) {
    constexpr std::string_view kTypes[] = {"hash", "btree", "cdb", "lmdb", "dbm", "sdbm"};
    return tables::IsTableSpec(table) &&
           std::find(std::begin(kTypes), std::end(kTypes), TypeOf(table)) != std::end(kTypes);
}

/// `proxy:` in front of a table changes who asks it, not what it answers, but for keys in upper
/// case in texthash: and inline: tables. What was compiled from a text file is had by reading that.
std::string AsItIsHere(std::string element) {
    if (element.starts_with('!')) return '!' + AsItIsHere(element.substr(1));
    const bool is_behind_proxy = element.starts_with(kProxy);
    std::string table = is_behind_proxy ? element.substr(kProxy.size()) : element;
    if (IsCompiled(table)) return "texthash:" + table.substr(table.find(':') + 1);
    const bool matters = table.starts_with("texthash:") || table.starts_with("inline:");
    return is_behind_proxy && matters ? element : table;
}

Strings AsTheyAreHere(const Strings& lists) {
    Strings elements;
    for (const std::string& list : lists)
        for (std::string& element : config::ParseList(list))
            elements.push_back(AsItIsHere(std::move(element)));
    return elements;
}

Strings WithTextForCompiled(const Strings& lists) {
    Strings elements;
    for (const std::string& list : lists) {
        for (const std::string& element : config::ParseList(list)) {
            const std::string here = AsItIsHere(element);
            const std::size_t bare = std::min(here.find_first_not_of('!'), here.size());
            elements.push_back(here.substr(bare).starts_with("texthash:") ? here : element);
        }
    }
    return elements;
}

/// The tables whose types are not known here.
Strings UnknownTables(const Strings& elements) {
    Strings unknown;
    for (std::string_view element : elements) {
        while (element.starts_with('!')) element.remove_prefix(1);
        if (element.starts_with(kProxy)) element.remove_prefix(kProxy.size());
        if (tables::IsTableSpec(element) && !tables::TableRegistry::Knows(TypeOf(element)))
            unknown.emplace_back(element);
    }
    return unknown;
}

/// The value in a form in which only real differences are left.
Settings Comparable(Settings settings, const Option& option) {
    const auto* list = std::get_if<Strings Settings::*>(&option.field);
    if (list == nullptr) return settings;
    settings.** list = AsTheyAreHere(settings.**list);
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

/// Our settings with Postfix's value of one. Throws std::invalid_argument where it is not accepted.
Settings WithPostfixs(const Settings& ours, const Option& option, const std::string& theirs) {
    Settings wanted = ours;
    config::Assign(wanted, option, ValueMeant(option, theirs));
    return wanted;
}

bool Differ(const Settings& ours, const Settings& wanted, const Option& option) {
    return !(Comparable(wanted, option) == Comparable(ours, option));
}

void CompareOption(const config::ConfigFile& file, const Settings& ours, const Option& option,
                   const std::string& theirs, Report& report) {
    const std::string name(option.name);
    const std::string place = config::ConfigError(file.path, file.LineOf(name), name).what();
    try {
        Settings wanted = WithPostfixs(ours, option, theirs);
        if (!Differ(ours, wanted, option)) return;
        const auto* const list = std::get_if<Strings Settings::*>(&option.field);
        if (list != nullptr) {
            wanted.** list = WithTextForCompiled(wanted.**list);
            const Strings unknown = UnknownTables(wanted.**list);
            if (!unknown.empty()) {
                std::erase_if(wanted.**list, [&unknown](const std::string& element) {
                    return !UnknownTables({element}).empty();
                });
                report.Warning(
                    place + ": main.cf has " + config::QuotedList(unknown) +
                    ": there are no such tables here, and what they say is not followed");
                if (!Differ(ours, wanted, option)) return;
            }
        }
        report.Warning(place + " is " + config::Show(ours, option) +
                       ", but main.cf has another value: set " + name + " = " +
                       config::Show(wanted, option));
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
        if (theirs == postfix.values.end() || MayDiffer(option, ours, theirs->second)) continue;
        CompareOption(file, ours, option, theirs->second, report);
    }
}

}  // namespace policyd::ctl
