// SPDX-License-Identifier: Apache-2.0

//! The HTTP server: routes, address, access.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Context, bail};
use api::Token;
use edge::health::Health;
use edge::http::{HttpHandle, Serving, Tls};
use edge::metrics::Metrics;
use edge::queries::InteractiveQueries;
use edge::{Peers, Stop};

use crate::cli::{MembershipFlag, RunArgs, WebArgs};
use crate::memory;

/// The default address.
pub const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9464);
/// The token's variable.
const TOKEN: &str = "CX_HTTP_TOKEN";

/// The server, and its access to the pipeline.
pub struct Web {
    /// The running server.
    pub http: HttpHandle,
    /// Its URL, for a browser.
    pub url: String,
    /// Interactive queries; `None` when the API is disabled.
    pub queries: Option<InteractiveQueries>,
    /// Other instances; `None` when the API is disabled.
    pub peers: Option<Peers>,
    /// The address that other instances use for this one.
    pub advertised: Option<String>,
}

/// Begins to serve. `folds` is what the processors are configured with.
///
/// # Errors
/// The flags are incompatible, a file cannot be used, or the address cannot be bound.
pub fn start(
    wanted: Option<SocketAddr>,
    args: &RunArgs,
    instance: &str,
    (metrics, health): (&Metrics, &Health),
    stop: &Stop,
    folds: &folds::Settings,
) -> anyhow::Result<Web> {
    let web = &args.web;
    let token = token(web)?;
    let listener = edge::http::bind(wanted.unwrap_or(DEFAULT))?;
    let address = listener.local_addr().context("the address of the HTTP server is not known")?;
    check_reach(address, web, token.is_some())?;
    let tls = web.http_tls_cert.as_deref().zip(web.http_tls_key.as_deref());
    let tls = tls.map(|(cert, key)| Tls::from_files(cert, key)).transpose()?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{address}");
    if web.no_api {
        let serving = Serving { tls, more: None };
        let http = serve(listener, (metrics, health), serving)?;
        tracing::info!("metrics and health at {url}/");
        return Ok(Web { http, url, queries: None, peers: None, advertised: None });
    }
    let advertised = advertised(args, address, &url)?;
    let options = api::Options {
        instance: instance.to_owned(),
        show_text: web.show_text,
        token,
        hosts: web.advertise.iter().filter_map(|url| host(url)).collect(),
        group_is_hidden: args.membership == MembershipFlag::Broker,
        list_bytes: memory::list_bytes(args.memory),
        folds: folds.clone(),
    };
    let (queries, updates) = InteractiveQueries::open(api::watched());
    let peers = Peers::default();
    let sources = api::Sources {
        queries: queries.clone(),
        peers: peers.clone(),
        stop: stop.clone(),
        metrics: metrics.clone(),
    };
    let routes = api::routes(options, sources, updates).context("the API cannot be started")?;
    let http = serve(listener, (metrics, health), Serving { tls, more: Some(routes) })?;
    tracing::info!("live page, API, metrics and health at {url}/");
    let peers = (args.membership != MembershipFlag::Broker).then_some(peers);
    Ok(Web { http, url, queries: Some(queries), peers, advertised })
}

/// Checks flags and files, without binding the address.
///
/// # Errors
/// As [`start`].
pub fn check(wanted: Option<SocketAddr>, args: &RunArgs) -> anyhow::Result<()> {
    let address = wanted.unwrap_or(DEFAULT);
    check_reach(address, &args.web, token(&args.web)?.is_some())?;
    let tls = args.web.http_tls_cert.as_deref().zip(args.web.http_tls_key.as_deref());
    tls.map(|(cert, key)| Tls::from_files(cert, key)).transpose()?;
    advertised(args, address, "")?;
    Ok(())
}

fn serve(
    listener: TcpListener,
    (metrics, health): (&Metrics, &Health),
    serving: Serving,
) -> anyhow::Result<HttpHandle> {
    Ok(edge::http::spawn_on(listener, metrics.clone(), health.clone(), serving)?)
}

/// The token, from its file or the environment.
fn token(web: &WebArgs) -> anyhow::Result<Option<Token>> {
    let value = std::env::var(TOKEN).ok();
    match (&web.http_token_file, value) {
        (Some(_), Some(_)) => bail!("both --http-token-file and {TOKEN} are given: leave one out"),
        (Some(file), None) => Ok(Some(
            Token::from_file(file)
                .with_context(|| format!("--http-token-file {} cannot be used", file.display()))?,
        )),
        (None, Some(text)) => Ok(Some(Token::new(&text).with_context(|| format!("{TOKEN} cannot be used"))?)),
        (None, None) => Ok(None),
    }
}

/// Conversations must not be readable without a token on an address that others can reach.
fn check_reach(address: SocketAddr, web: &WebArgs, has_token: bool) -> anyhow::Result<()> {
    if address.ip().is_loopback() || web.no_api || web.http_open {
        return Ok(());
    }
    if !has_token {
        bail!(
            "--http {address} can be reached from other machines, and the API shows customers' data: give --http-token-file, or \
             --no-api for metrics and health alone, or --http-open if access is controlled elsewhere"
        );
    }
    if web.http_tls_cert.is_none() {
        tracing::warn!(
            "the API's token is sent without encryption: give --http-tls-cert and --http-tls-key, unless a proxy encrypts"
        );
    }
    Ok(())
}

/// The address for other instances: the flag's, or the bound address if it is specific.
fn advertised(args: &RunArgs, address: SocketAddr, url: &str) -> anyhow::Result<Option<String>> {
    if args.membership == MembershipFlag::Broker {
        if args.web.advertise.is_some() {
            bail!(
                "--advertise does not work with --membership broker, whose clients cannot list the group's members: give \
                 --membership classic or static"
            );
        }
        return Ok(None);
    }
    let own = (!address.ip().is_unspecified()).then(|| url.to_owned());
    Ok(args.web.advertise.clone().or(own))
}

/// The host of an advertised address.
fn host(url: &str) -> Option<String> {
    let (_, authority) = url.split_once("://")?;
    let name = authority.rsplit_once(':').map_or(authority, |(name, _)| name);
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(address: &str, web: &WebArgs, has_token: bool) -> Result<(), String> {
        check_reach(address.parse().unwrap(), web, has_token).map_err(|error| error.to_string())
    }

    #[test]
    fn only_who_knows_a_token_may_come_from_elsewhere_unless_told_otherwise() {
        let bare = WebArgs::default();
        assert_eq!(reach("127.0.0.1:1", &bare, false), Ok(()));
        assert_eq!(reach("[::1]:1", &bare, false), Ok(()));
        assert!(reach("0.0.0.0:1", &bare, false).unwrap_err().contains("--http-token-file"));
        assert_eq!(reach("0.0.0.0:1", &bare, true), Ok(()));
        for web in [WebArgs { no_api: true, ..bare.clone() }, WebArgs { http_open: true, ..bare.clone() }] {
            assert_eq!(reach("0.0.0.0:1", &web, false), Ok(()));
        }
    }

    #[test]
    fn an_address_that_is_none_is_not_advertised() {
        let args = RunArgs::default();
        let of =
            |args: &RunArgs, address: &str| advertised(args, address.parse().unwrap(), "http://it").unwrap();
        assert_eq!(of(&args, "127.0.0.1:1").as_deref(), Some("http://it"));
        assert_eq!(of(&args, "0.0.0.0:1"), None);
        let value = WebArgs { advertise: Some("http://cx:1".to_owned()), ..WebArgs::default() };
        let mut args = RunArgs { web: value, ..args };
        assert_eq!(of(&args, "0.0.0.0:1").as_deref(), Some("http://cx:1"));
        args.membership = MembershipFlag::Broker;
        assert!(advertised(&args, "127.0.0.1:1".parse().unwrap(), "").is_err());
    }

    #[test]
    fn the_name_in_an_advertised_address_is_known_to_be_ours() {
        assert_eq!(host("https://cx.example:443").as_deref(), Some("cx.example"));
        assert_eq!(host("http://cx.example").as_deref(), Some("cx.example"));
    }
}
