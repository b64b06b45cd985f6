"""The extensions, unbound: `create_app` binds them. The only module-level instances in the program."""

from flask_babel import Babel
from flask_jwt_extended import JWTManager
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sock import Sock
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect

from csms.domain.base import Base

db = SQLAlchemy(model_class=Base, disable_autonaming=True)
migrate = Migrate()
login = LoginManager()
jwt = JWTManager()
sock = Sock()
csrf = CSRFProtect()
babel = Babel()
limiter = Limiter(get_remote_address)
