#include "policyd/ctl/our_service.hpp"

#include <algorithm>
#include <stdexcept>
#include <system_error>

#include "common/async/endpoint.hpp"
#include "common/config/values.hpp"

namespace policyd::ctl {

namespace fs = std::filesystem;
using async::Endpoint;

OurService::OurService(const config::Settings& settings, const PostfixSettings& postfix)
    : settings_(settings), queue_directory_(postfix.Find("queue_directory").value_or("")) {
    for (const std::string& name :
         config::ParseList(postfix.Find("smtpd_restriction_classes").value_or("")))
        classes_[name] = postfix.Find(name).value_or("");
}

std::vector<AskedService> OurService::Read(const std::string& restrictions) const {
    return ServicesAskedBy(restrictions, classes_);
}

std::vector<AskedService> OurService::AskedBy(const std::string& restrictions) const {
    try {
        return Read(restrictions);
    } catch (const std::invalid_argument&) {
        return {};
    }
}

bool OurService::Is(const std::string& endpoint) const {
    if (!IsKnown()) return true;
    Endpoint asked;
    try {
        asked = async::ParseEndpoint(endpoint);
    } catch (const std::invalid_argument&) {
        return false;
    }
    if (asked.kind == Endpoint::Kind::kUnix)
        return ListensAt(FileAt(asked.path, false)) || ListensAt(FileAt(asked.path, true));
    return std::any_of(settings_.listen.begin(), settings_.listen.end(),
                       [&](const std::string& listener) {
                           const Endpoint ours = async::ParseEndpoint(listener);
                           return ours.kind == Endpoint::Kind::kInet && ours.port == asked.port;
                       });
}

bool OurService::IsAsked(const AskedService& service) const {
    return service.behind.empty() && Is(service.endpoint);
}

bool OurService::IsAskedIn(const std::string& restrictions) const {
    const auto services = AskedBy(restrictions);
    return std::any_of(services.begin(), services.end(),
                       [this](const AskedService& service) { return IsAsked(service); });
}

fs::path OurService::FileAt(const std::string& path, bool in_chroot) const {
    const fs::path file(path);
    return (queue_directory_ / (in_chroot ? file.relative_path() : file)).lexically_normal();
}

bool OurService::ListensAt(const fs::path& file) const {
    std::error_code not_there;
    if (!IsKnown()) return fs::exists(file, not_there);
    return std::any_of(
        settings_.listen.begin(), settings_.listen.end(), [&](const std::string& listener) {
            const Endpoint ours = async::ParseEndpoint(listener);
            return ours.kind == Endpoint::Kind::kUnix &&
                   (FileAt(ours.path, false) == file || fs::equivalent(ours.path, file, not_there));
        });
}

}  // namespace policyd::ctl
