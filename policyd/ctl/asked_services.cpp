#include "policyd/ctl/asked_services.hpp"

#include <set>
#include <string_view>
#include <utility>

#include "common/config/values.hpp"
#include "common/tables/table_list.hpp"
#include "common/text/ascii.hpp"
#include "policyd/checks/restriction_list.hpp"

namespace policyd::ctl {
namespace {

using Strings = std::vector<std::string>;

/// `endpoint`, or `{ endpoint, name=value, ... }`.
AskedService ServiceIn(std::string text) {
    if (text.starts_with('{')) text = text.substr(1, text.size() - 2);
    const Strings words = config::ParseList(text);
    AskedService service;
    if (words.empty()) return service;
    service.endpoint = words.front();
    service.attributes.assign(words.begin() + 1, words.end());
    return service;
}

class Reader {
public:
    explicit Reader(const RestrictionClasses& classes) : classes_(classes) {}

    void Read(const std::string& restrictions, const std::string& behind, bool only_warns) {
        const Strings list = config::ParseList(restrictions);
        const std::vector<std::string_view> words(list.begin(), list.end());
        const std::size_t end = checks::FirstThatDecides(words);
        for (std::size_t i = 0; i < list.size(); ++i) {
            const std::string word = text::ToLower(list[i]);
            is_guarded_ |= word.ends_with("_unauth_destination");
            skips_users_ |= word == "permit_sasl_authenticated";
            asks_tables |= word.ends_with("_access") || tables::IsTableSpec(word);
            const std::string& decided_by = behind.empty() && i > end ? list[end] : behind;
            const bool may_only_warn =
                only_warns || (i > 0 && text::EqualsIgnoringCase(list[i - 1], "warn_if_reject"));
            if (word == "check_policy_service") {
                if (++i < list.size()) Add(ServiceIn(list[i]), decided_by, may_only_warn);
            } else if (const auto known = classes_.find(list[i]); known != classes_.end()) {
                ReadClass(known->first, known->second, decided_by, may_only_warn);
            }
        }
    }

    void ReadClass(const std::string& name, const std::string& restrictions,
                   const std::string& behind, bool only_warns) {
        if (!open_.insert(name).second) return;  // it names itself
        Read(restrictions, behind, only_warns);
        open_.erase(name);
    }

    std::vector<AskedService> services;
    bool asks_tables = false;

private:
    void Add(AskedService service, const std::string& behind, bool only_warns) {
        service.behind = behind;
        service.only_warns = only_warns;
        service.is_guarded = is_guarded_;
        service.skips_users = skips_users_;
        services.push_back(std::move(service));
    }

    const RestrictionClasses& classes_;
    std::set<std::string> open_;
    bool is_guarded_ = false;
    bool skips_users_ = false;
};

}  // namespace

std::vector<AskedService> ServicesAskedBy(const std::string& restrictions,
                                          const RestrictionClasses& classes) {
    Reader reader(classes);
    reader.Read(restrictions, "", false);
    if (!reader.services.empty() || !reader.asks_tables) return reader.services;
    for (const auto& [name, list] : classes) reader.ReadClass(name, list, "", false);
    for (AskedService& service : reader.services) service.is_by_table = true;
    return reader.services;
}

std::vector<std::string> WordsOf(std::string_view restrictions) {
    const std::string folded = text::ToLower(restrictions);
    const auto words = text::SplitAtAny(folded, ", \t\r\n");
    return {words.begin(), words.end()};
}

}  // namespace policyd::ctl
