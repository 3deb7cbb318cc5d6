//! Whose certificates are believed.

use tailgate::fake::{Certificate, VendorName};
use tailgate::intake::Secret;
use tailgate::intake::drivers::{
    Fingerprint, GENETEC_EVENTS, Genetec, GenetecAccount, StreamForm, Trouble, Trust,
};

use super::world::World;

async fn list(trust: impl FnOnce(&Certificate) -> Trust, names: &[&str]) -> Result<usize, Trouble> {
    let certificate = Certificate::self_signed(names).unwrap();
    let trust = trust(&certificate);
    let world = World::with(VendorName::Genetec, "door \"Main\"", Some(certificate)).await;
    let driver = Genetec::new(GenetecAccount {
        url: format!("{}/WebSdk", world.fake.url()),
        trust,
        user: "admin".to_owned(),
        password: Secret::new("genetec-password"),
        application: Secret::new("GSC-1SDK-Example-Tailgate"),
        events: GENETEC_EVENTS.map(str::to_owned).to_vec(),
        form: StreamForm::Json,
    });
    let driver = driver.unwrap();
    let doors = world.do_it(driver.doors(&world.context)).await;
    doors.map(|doors| doors.len())
}

fn pin(certificate: &Certificate) -> Trust {
    Trust::Pinned(Fingerprint::parse(&certificate.fingerprint()).unwrap())
}

#[tokio::test]
async fn a_pinned_certificate_is_believed_whatever_its_name() {
    assert_eq!(list(pin, &["security-center"]).await, Ok(1));
}

#[tokio::test]
async fn another_certificate_than_the_pinned_one_is_refused() {
    let other = |_: &Certificate| pin(&Certificate::self_signed(&["other"]).unwrap());
    let refused = list(other, &["127.0.0.1"]).await.unwrap_err().to_string();
    assert!(
        refused.contains("the server shows the certificate sha256:"),
        "{refused}"
    );
    assert!(refused.contains("is pinned"), "{refused}");
}

#[tokio::test]
async fn a_certificate_of_ones_own_authority_is_believed() {
    let own = |certificate: &Certificate| Trust::Authorities(certificate.pem().into());
    assert_eq!(list(own, &["127.0.0.1"]).await, Ok(1));
    let refused = list(own, &["security-center"])
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("bears another name"), "{refused}");
}

#[tokio::test]
async fn a_self_signed_certificate_is_not_believed_by_itself() {
    let refused = list(|_| Trust::System, &["127.0.0.1"])
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("pin its fingerprint"), "{refused}");
}

#[test]
fn a_file_without_certificates_is_refused() {
    let account = GenetecAccount {
        url: "https://127.0.0.1:1/WebSdk".to_owned(),
        trust: Trust::Authorities(b"hello".to_vec()),
        user: "DOMAIN\\admin".to_owned(),
        password: Secret::new("x"),
        application: Secret::new(""),
        events: Vec::new(),
        form: StreamForm::Json,
    };
    let problems = Genetec::new(account).unwrap_err();
    assert_eq!(problems.len(), 4, "{problems:?}");
}
